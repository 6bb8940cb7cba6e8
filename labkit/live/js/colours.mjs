// Colours: perceptual maps as tables of 256, contrast against the paper, and the theme in force.

// Twelve anchors of viridis (CC0), linear between them.
const VIRIDIS = "440154 482173 433e85 38588c 2d708e 25858e 1e9b8a 2ab07f 52c569 86d549 c2df23 fde725";

export function rgb(hex) {
  const n = parseInt(hex.replace("#", ""), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** Any CSS colour the browser computes ("rgb(…)", "#abc", "#aabbcc") as three numbers. */
export function parseColour(text) {
  const t = text.trim();
  if (/^#[0-9a-f]{3}$/i.test(t)) return rgb(t.replace(/[0-9a-f]/gi, "$&$&"));
  if (t.startsWith("#")) return rgb(t.slice(0, 7));
  const parts = t.match(/[\d.]+/g);
  if (parts && parts.length >= 3) return parts.slice(0, 3).map(Number);
  return t === "black" ? [0, 0, 0] : [255, 255, 255];
}

/** Relative luminance of WCAG 2. */
export function luminance([r, g, b]) {
  const linear = [r, g, b].map((c) =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

export function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** `hex` moved towards black or white until it stands out from `paper` by `wanted` (WCAG ratio). */
export function legible(hex, paper, wanted = 3) {
  const target = luminance(paper) > 0.2 ? 0 : 255;
  const colour = rgb(hex);
  for (let mix = 0; mix <= 1; mix += 0.05) {
    const moved = colour.map((c) => Math.round(c + (target - c) * mix));
    if (contrast(moved, paper) >= wanted) return `rgb(${moved.join(",")})`;
  }
  return target ? "#fff" : "#000";
}

/** OKLCH to sRGB (B. Ottosson, 2020); hue in turns. */
export function oklch(light, chroma, hue) {
  const a = chroma * Math.cos(2 * Math.PI * hue);
  const b = chroma * Math.sin(2 * Math.PI * hue);
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((c) => {
    const clipped = Math.min(1, Math.max(0, c));
    const encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
    return Math.round(255 * encoded);
  });
}

function table(pick) {
  const out = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) out.set(pick(i / 255), 3 * i);
  return out;
}

const anchors = VIRIDIS.split(" ").map(rgb);

/** 256 × (r, g, b). `cyclic` has one lightness all round and the same colour at both ends. */
export const MAPS = {
  sequential: table((t) => {
    const at = Math.min(anchors.length - 2, Math.floor(t * (anchors.length - 1)));
    const rest = t * (anchors.length - 1) - at;
    return anchors[at].map((c, k) => c + (anchors[at + 1][k] - c) * rest);
  }),
  cyclic: table((t) => oklch(0.66, 0.14, t)),
};

/** Index into a map for `value` on [low, high]; NaN gives -1. */
export function shade(value, low, high) {
  if (!Number.isFinite(value)) return -1;
  const t = high > low ? (value - low) / (high - low) : 0;
  return Math.max(0, Math.min(255, Math.round(255 * t)));
}

/** What a canvas must know of the page's theme, read from the panel's own CSS variables. */
export function readTheme(root) {
  const style = getComputedStyle(root);
  const get = (name) => style.getPropertyValue(name).trim();
  const paper = parseColour(get("--lk-paper"));
  return {
    paper,
    dark: luminance(paper) < 0.2,
    background: get("--lk-paper"),
    text: get("--lk-text"),
    muted: get("--lk-muted"),
    grid: get("--lk-grid"),
    font: `11px ${style.fontFamily || "sans-serif"}`,
  };
}
