// A plotly figure that lives through reruns: drawn once, then updated in place.
const load = (url) =>
  (window.__cellflowPlotly ??= new Promise((found, failed) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => found(window.Plotly);
    script.onerror = () => {
      delete window.__cellflowPlotly;
      failed(new Error(url));
    };
    document.head.append(script);
  }));

// On a phone: step back, no colour bar, the slider right of the buttons.
const NARROW = 520;
const narrowed = (figure) => {
  const { eye } = figure.layout.scene.camera;
  for (const axis of "xyz") eye[axis] *= 1.7;
  for (const trace of figure.data) if ("colorbar" in trace) trace.showscale = false;
  for (const slider of figure.layout.sliders ?? []) Object.assign(slider, { x: 0.42, len: 0.55 });
};

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  let node = parentElement.querySelector(".cellflow-scene");
  if (!node) {
    node = document.createElement("div");
    node.className = "cellflow-scene";
    node.style.width = "100%";
    parentElement.append(node);
  }
  node.style.height = `${data.height}px`;
  node.setAttribute("role", "figure");
  node.setAttribute("aria-label", data.alt);
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
      node.on("plotly_click", ({ points: [at] }) =>
        node.tell.setTriggerValue("click", { x: at.x, y: at.y, z: at.z, trace: at.data.name })
      );
      node.on("plotly_relayout", (change) => {
        const camera = change["scene.camera"];
        if (!camera) return;
        node.camera = camera;
        clearTimeout(node.waiting);
        node.waiting = setTimeout(() => node.tell.setStateValue("camera", camera), 800);
      });
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
