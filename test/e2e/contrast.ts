/**
 * A function, as text for the page, that gives the texts of the page whose contrast with what is behind them is less than `least` (WCAG 2.2,
 * 1.4.3), each with its ratio.
 */
const WEAK_TEXTS = `(least) => {
  const channels = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r = 0, g = 0, b = 0] = channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (element === null) return 'rgb(255, 255, 255)';
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const hasText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue.trim() !== '');
  const weak = [];
  for (const element of document.querySelectorAll('body *')) {
    if (!hasText(element) || element.getClientRects().length === 0 || element.tagName === 'title') continue;
    const { color, fill } = getComputedStyle(element);
    const [a, b] = [luminance(element instanceof SVGElement ? fill : color), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least) weak.push(element.tagName + ' "' + element.textContent.slice(0, 40) + '" ' + ratio.toFixed(2));
  }
  return weak;
}`;

/** An expression for `page.evaluate`: texts of the page that are hard to read. `least` is the ratio that they should have. */
export function weakTexts(least: number): string {
  return `(${WEAK_TEXTS})(${least})`;
}
