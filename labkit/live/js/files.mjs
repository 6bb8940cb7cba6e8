// What leaves the panel: text to the clipboard, tables and pictures to files.

/** A file to the user's downloads. */
export function download(name, content, type) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** True when the clipboard took it; false where the page may not use it. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** All pictures with their titles on one sheet, as a PNG blob. */
export function sheet(title, pictures, columns, theme) {
  const ratio = globalThis.devicePixelRatio || 1;
  const gap = 16;
  const head = 22;
  const width = Math.max(...pictures.map((p) => p.canvas.width / ratio));
  const height = Math.max(...pictures.map((p) => p.canvas.height / ratio)) + head;
  const rows = Math.ceil(pictures.length / columns);
  const canvas = document.createElement("canvas");
  canvas.width = (columns * (width + gap) + gap) * ratio;
  canvas.height = (rows * (height + gap) + gap + 26) * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = theme.text;
  context.font = theme.font.replace("11px", "bold 15px");
  context.fillText(title, gap, 26);
  context.font = theme.font.replace("11px", "bold 12px");
  pictures.forEach(({ canvas: drawn, title: name, key = [] }, i) => {
    const left = gap + (i % columns) * (width + gap);
    const top = 34 + gap + Math.floor(i / columns) * (height + gap);
    context.fillText(name, left, top);
    let at = left + context.measureText(name).width + 14;
    for (const { label, colour } of key) {
      context.fillStyle = colour;
      context.fillText(label, at, top);
      at += context.measureText(label).width + 10;
    }
    context.fillStyle = theme.text;
    context.drawImage(drawn, left, top + 6, drawn.width / ratio, drawn.height / ratio);
  });
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
