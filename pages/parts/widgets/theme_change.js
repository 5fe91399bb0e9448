// Runs the page once where the theme is another than that with which the page was drawn: streamlit does not.
const ink = (node) => getComputedStyle(node).color.match(/[\d.]+/g).slice(0, 3).reduce((sum, each) => sum + Number(each), 0);

export default function ({ parentElement, data, setTriggerValue }) {
  let node = parentElement.querySelector("i");
  if (!node) {
    node = document.createElement("i");
    Object.assign(node.style, { position: "absolute", color: "var(--st-background-color)", transition: "color 1ms" });
    parentElement.append(node);
  }
  const look = () => {
    const dark = ink(node) < 3 * 128;
    if (dark === data.dark || node.asked === dark) return; // asked once: a page that cannot know is not run for ever
    node.asked = dark;
    setTriggerValue("changed", dark);
  };
  if (data.dark === node.asked) node.asked = undefined;
  node.ontransitionend = look;
  look();
}
