// Maps of the same cells on one page show the same part of them: where one is moved, the others go too. Looked at again
// and again, since a map that is drawn anew forgets who listened to it.
const EVERY = 200; // milliseconds
const maps = () => [...document.querySelectorAll('[class*="st-key-map_"] .js-plotly-plot')].filter((each) => each._fullLayout?.xaxis);
const part = ({ _fullLayout: { xaxis, yaxis } }) => ({ "xaxis.range": [...xaxis.range], "yaxis.range": [...yaxis.range] });
const same = (a, b) => Object.keys(a).every((axis) => a[axis].every((each, k) => Math.abs(each - b[axis][k]) < 1e-3 * Math.abs(a[axis][1] - a[axis][0])));

export default function ({ data }) {
  const seen = new WeakMap();
  let [timer, busy] = [0, false];
  const look = async () => {
    const found = maps();
    if (busy || found.length < 2) return;
    const moved = found.find((each) => seen.has(each) && !same(part(each), seen.get(each)));
    const leader = moved ?? (found.every((each) => seen.has(each)) ? null : found[0]);
    if (!leader) return;
    busy = true;
    const wanted = part(leader);
    const others = found.filter((each) => each !== leader && !same(part(each), wanted));
    await Promise.allSettled(others.map((each) => window.Plotly.relayout(each, wanted)));
    for (const each of found) seen.set(each, part(each));
    busy = false;
  };
  let ended = false;
  load(data.library).then(
    () => (timer = ended ? 0 : setInterval(look, EVERY)),
    () => undefined // without the library each map is moved by itself
  );
  return () => {
    ended = true;
    clearInterval(timer);
  };
}
