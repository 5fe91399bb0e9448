// A plotly figure that lives through reruns: drawn once, then updated in place.

// A scene is as high as its width asks for: no empty bands on a phone. There it has a small legend, and a
// colour bar only where colour is not the height.
const NARROW = 520;
const SHAPE = 1.1; // width over height that the camera was fitted to
const narrowed = (figure) => {
  for (const trace of figure.data) {
    const bar = trace.marker?.colorbar; // of cells: where that of the height would be
    if (bar) Object.assign(bar, { y: 0.01, title: { ...bar.title, font: { size: 11 } }, tickfont: { size: 11 } });
    if (!("colorbar" in trace)) continue;
    if (trace.surfacecolor) trace.colorbar.len = 0.5;
    else trace.showscale = false;
  }
  for (const each of figure.layout.scene.annotations ?? []) each.font.size = 11;
  figure.layout.legend.font = { size: 11 };
};

// Keys turn the scene about its middle (arrows) and come nearer or step back (+ and -).
const TURN = Math.PI / 24;
const MOVES = {
  ArrowLeft: [-TURN, 0, 1],
  ArrowRight: [TURN, 0, 1],
  ArrowUp: [0, TURN, 1],
  ArrowDown: [0, -TURN, 1],
  "+": [0, 0, 1 / 1.1],
  "=": [0, 0, 1 / 1.1],
  "-": [0, 0, 1.1],
};
const turned = ({ eye, center, up }, [around, over, nearer]) => {
  const [x, y, z] = ["x", "y", "z"].map((axis) => eye[axis] - center[axis]);
  const far = Math.hypot(x, y, z) * nearer;
  const angle = Math.atan2(y, x) + around;
  const high = Math.min(1.5, Math.max(-1.5, Math.atan2(z, Math.hypot(x, y)) + over));
  const flat = far * Math.cos(high);
  return {
    up,
    center,
    eye: {
      x: center.x + flat * Math.cos(angle),
      y: center.y + flat * Math.sin(angle),
      z: center.z + far * Math.sin(high),
    },
  };
};

// Scenes beside each other are looked at from one place.
const lead = (node, camera) => {
  for (const other of document.querySelectorAll(".cellflow-scene")) {
    if (other === node || other.led || !other._fullLayout?.scene) continue;
    other.led = true;
    window.Plotly.relayout(other, { "scene.camera": camera }).finally(() => (other.led = false));
  }
};

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  let node = parentElement.querySelector(".cellflow-scene");
  if (!node) {
    node = document.createElement("div");
    node.className = "cellflow-scene";
    node.style.width = "100%";
    parentElement.append(node);
  }
  node.style.height = `${Math.min(data.height, Math.round(node.clientWidth / SHAPE) || data.height)}px`;
  node.setAttribute("role", "figure");
  node.setAttribute("aria-label", `${data.alt} Arrow keys turn it, plus and minus come nearer and step back.`);
  node.tabIndex = 0;
  node.tell = { setStateValue, setTriggerValue }; // the newest ones; the listeners below are set once

  load(data.library).then(
    async (Plotly) => {
      if (!node.isConnected || node.drawn === data.figure) return;
      const first = node.drawn === undefined;
      node.drawn = data.figure;
      const figure = JSON.parse(data.figure);
      figure.layout.autosize = true;
      if (node.clientWidth < NARROW) narrowed(figure);
      if (node.camera) figure.layout.scene.camera = node.camera; // uirevision alone does not keep it through react
      await Plotly.react(node, { ...figure, config: data.config });
      node.renders = (node.renders ?? 0) + 1;
      if (!first) return;
      node.addEventListener("keydown", (event) => {
        const move = MOVES[event.key];
        if (!move || event.target !== node || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        const { eye, center, up } = node._fullLayout.scene.camera;
        Plotly.relayout(node, { "scene.camera": turned({ eye, center, up }, move) });
      });
      node.on("plotly_click", ({ points: [at] }) =>
        node.tell.setTriggerValue("click", { x: at.x, y: at.y, z: at.z, trace: at.data.name })
      );
      node.on("plotly_relayout", (change) => {
        const camera = change["scene.camera"];
        if (!camera) return;
        node.camera = camera;
        if (!node.led) lead(node, camera);
        clearTimeout(node.waiting);
        const tell = () => node.tell.setStateValue("camera", camera);
        node.waiting = setTimeout(tell, 800);
      });
      node.on("plotly_relayouting", (change) => change["scene.camera"] && lead(node, change["scene.camera"]));
      node.resizing = new ResizeObserver(() => node.isConnected && Plotly.Plots.resize(node));
      node.resizing.observe(node);
    },
    () => setStateValue("failed", true)
  );

  return () => {
    clearTimeout(node.waiting);
    node.resizing?.disconnect();
    if (node.drawn !== undefined && window.Plotly) window.Plotly.purge(node);
    node.drawn = undefined;
    node.remove();
  };
}
