// Mouse, touch and keys over the map.
const REST = 60; // milliseconds after which the cell under the mouse is looked for
const KEYS = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };

const listen = (frame, { held, at, zoom, shift, outlined, fit, moving, point, fromScreen, drawOutline, hint, take }) => {
  const fingers = new Map();
  let resting = 0;
  const place = (event) => {
    const box = frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const apart = () => {
    const [[ax, ay], [bx, by]] = [...fingers.values()];
    return { far: Math.hypot(ax - bx, ay - by), x: (ax + bx) / 2, y: (ay + by) / 2 };
  };

  frame.onpointerdown = (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    frame.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    hint.hidden = true;
    const begun = held.tool === "outline" || (held.head.lasso && event.shiftKey);
    held.drawing = begun && fingers.size === 1 ? [fromScreen(...place(event))] : [];
  };
  frame.onpointermove = (event) => {
    const [x, y] = place(event);
    if (!fingers.has(event.pointerId)) {
      hint.hidden = true;
      clearTimeout(resting);
      if (event.pointerType === "mouse") resting = setTimeout(() => point(x, y), REST);
      return;
    }
    const [px, py] = fingers.get(event.pointerId);
    if (held.drawing.length) {
      if (Math.hypot(x - px, y - py) < 4) return;
      fingers.set(event.pointerId, [x, y]);
      held.drawing.push(fromScreen(x, y));
      drawOutline();
    } else if (fingers.size === 2) {
      const before = apart();
      fingers.set(event.pointerId, [x, y]);
      const now = apart();
      shift(now.x - before.x, now.y - before.y);
      zoom(now.far / Math.max(before.far, 1), now.x, now.y);
    } else {
      fingers.set(event.pointerId, [x, y]);
      shift(x - px, y - py);
    }
  };
  const lifted = (event) => {
    fingers.delete(event.pointerId);
    if (!held.drawing.length) return;
    const corners = thinned(held.drawing);
    held.drawing = [];
    if (event.type === "pointerup" && corners.length > 2) outlined(corners);
    else drawOutline();
  };
  frame.onpointerup = lifted;
  frame.onpointercancel = lifted;
  frame.onpointerleave = () => {
    clearTimeout(resting);
    hint.hidden = true;
  };

  // The wheel scrolls the page until the map was clicked or a key is held.
  frame.addEventListener(
    "wheel",
    (event) => {
      const inside = frame.getRootNode().activeElement === frame;
      if (!inside && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(60, Math.abs(event.deltaY)) * 0.004), ...place(event));
    },
    { passive: false }
  );
  frame.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key]) shift(...KEYS[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(NEARER);
    else if (event.key === "-") zoom(1 / NEARER);
    else if (event.key === "0") {
      held.view = fit();
      moving();
    } else if (event.key === "Escape" && held.drawing.length) {
      held.drawing = [];
      drawOutline();
    } else if (event.key === "Escape" && held.tool === "outline") take("move");
    else return;
    event.preventDefault();
  };
};

const maps = new WeakMap();

export default function ({ parentElement, data, key, setStateValue, setTriggerValue }) {
  if (!maps.has(parentElement)) {
    try {
      maps.set(parentElement, begin(parentElement));
    } catch (error) {
      setStateValue("failed", String(error));
      return undefined;
    }
  }
  const map = maps.get(parentElement);
  Object.assign(map, { tell: setTriggerValue, key });
  map.show(data);
  return () => {
    map.end();
    maps.delete(parentElement);
  };
}
