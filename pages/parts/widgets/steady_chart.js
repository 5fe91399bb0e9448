// A 2-D figure that lives through reruns: drawn once, then updated in place. Streamlit throws its own away for every
// change, and draws each new one twice.
const EXPAND = {
  width: 24,
  height: 24,
  path: "M3 3h7v2H5v5H3zM14 3h7v7h-2V5h-5zM3 14h2v5h5v2H3zM19 14h2v7h-7v-2h5z",
};

// The figure is as large as its node.
const sized = (node) => (node.style.height = document.fullscreenElement === node ? "100%" : `${node.usual}px`);

const fullscreen = (node) => {
  const toggle = () => (document.fullscreenElement ? document.exitFullscreen() : node.requestFullscreen());
  node.addEventListener("fullscreenchange", () => {
    sized(node);
    window.Plotly.Plots.resize(node);
  });
  return { name: "Fullscreen", title: "Fullscreen", icon: EXPAND, click: toggle };
};

export default function ({ parentElement, data, setStateValue }) {
  let node = parentElement.querySelector(".cellflow-chart");
  if (!node) {
    node = document.createElement("div");
    node.className = "cellflow-chart";
    Object.assign(node.style, { width: "100%", background: "var(--st-background-color)" });
    node.setAttribute("role", "figure");
    node.button = fullscreen(node);
    parentElement.append(node);
  }
  node.usual = data.height;
  sized(node);
  node.setAttribute("aria-label", data.alt);

  load(data.library).then(
    (Plotly) => {
      const asked = data.figure + data.config;
      if (!node.isConnected || node.drawn === asked) return;
      node.drawn = asked;
      const figure = JSON.parse(data.figure);
      Object.assign(figure.layout, { height: undefined, autosize: true });
      const config = { ...JSON.parse(data.config), modeBarButtonsToAdd: [node.button] };
      return Plotly.react(node, { ...figure, config });
    },
    () => setStateValue("failed", true)
  );

  return () => {
    if (node.drawn !== undefined && window.Plotly) window.Plotly.purge(node);
    node.drawn = undefined;
    node.remove();
  };
}
