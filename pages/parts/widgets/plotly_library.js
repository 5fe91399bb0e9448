// The plotting library, fetched once per visit.
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
