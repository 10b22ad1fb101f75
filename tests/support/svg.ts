/** Width of a picture, and its left and right edge of the horizontal axis, in pixels. */
export const WIDTH = 720, LEFT = 62, RIGHT = 710;
/** Height of the margin at the top, and of the horizontal axis with its labels. */
export const TOP = 6, AXIS = 22;

/** Returns an SVG with a style sheet. */
export function drawSvg(
  height: number,
  style: string,
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<style>${style}</style>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

export function text(
  x: number,
  y: number,
  words: string,
  anchor: string,
): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
}

/** Rounds to a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
