// Numbers and their text. Pure functions.

/** A Float32Array over a received buffer; copied only where its offset is not a multiple of four. */
export function floats(view) {
  if (view instanceof ArrayBuffer) return new Float32Array(view, 0, view.byteLength >> 2);
  const { buffer, byteOffset, byteLength } = view;
  if (byteOffset % 4 === 0) return new Float32Array(buffer, byteOffset, byteLength >> 2);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + (byteLength & ~3)));
}

/** Four significant digits without noise: 0.001, 5, 1e-5, 0.2513. */
export function format(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e7)
    return value
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

/** Axis text: 12000 → 12k, 3e6 → 3M; small numbers as `format`. */
export function shortened(value) {
  const size = Math.abs(value);
  if (size >= 1e6 && size < 1e10) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e4 && size < 1e6) return `${Number((value / 1e3).toPrecision(4))}k`;
  return format(value);
}

/** The index of the stop closest to `value`, by relative distance so that it suits log scales too. */
export function nearest(stops, value) {
  let best = 0;
  let least = Infinity;
  stops.forEach((stop, i) => {
    const size = Math.abs(stop) + Math.abs(value);
    const away = size === 0 ? 0 : Math.abs(stop - value) / size;
    if (away < least) [best, least] = [i, away];
  });
  return best;
}

/** Onto a picture's axis: log10 on a log axis (NaN where that does not exist), else the value. */
export function onAxis(value, log) {
  if (!log) return value;
  return value > 0 ? Math.log10(value) : NaN;
}

function evenTicks(low, high, room) {
  const rough = (high - low) / Math.max(1, room);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.8);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    values.push(Number((i * step).toPrecision(12)));
  }
  return values;
}

/** Axis text for neighbours, with as many digits as tell them apart. */
function distinct(values) {
  const short = values.map(shortened);
  if (new Set(short).size === values.length) return short;
  return values.map((value) => String(Number(value.toPrecision(8))));
}

/**
 * Where to write numbers on an axis from `low` to `high` (already in axis units, see `onAxis`).
 * `room` is about how many fit. Returns {at: axis units, text}.
 */
export function ticks(low, high, log, room) {
  if (!(high > low)) return { at: [low], text: [shortened(log ? 10 ** low : low)] };
  if (!log) {
    const values = evenTicks(low, high, room);
    return { at: values, text: distinct(values) };
  }
  const values = [];
  const stride = Math.max(1, Math.ceil((high - low) / room));
  const within = stride > 1 || high - low > 3 ? [1] : high - low > 1.5 ? [1, 3] : [1, 2, 5];
  for (let k = Math.floor(low); k <= Math.ceil(high); k++) {
    if (k % stride !== 0) continue;
    for (const m of within) {
      const at = k + Math.log10(m);
      if (at >= low - 1e-9 && at <= high + 1e-9) values.push(Number(`${m}e${k}`));
    }
  }
  const chosen = values.length >= 2 ? values : evenTicks(10 ** low, 10 ** high, room).filter((v) => v > 0);
  return { at: chosen.map(Math.log10), text: distinct(chosen) };
}

/** Smallest and largest finite number, or null when there is none. */
export function range(...lists) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (value === null || !Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/** `extent` widened by `share` on both sides; an empty one gets a width. */
export function padded(extent, share) {
  const [low, high] = extent ?? [0, 1];
  const width = high - low || Math.abs(low) * 0.2 || 1;
  return [low - width * share, high + width * share];
}
