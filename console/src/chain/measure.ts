/** Cuts text to what fits, by the width that the browser would give it. */

const canvas = document.createElement('canvas').getContext('2d')
const widths = new Map<string, number>()
const KEPT = 5000

/** The width of a text at one pixel of size, in the page's font. */
function width(text: string, weight: number): number {
  const key = `${weight} ${text}`
  let known = widths.get(key)
  if (known === undefined) {
    if (!canvas) return text.length * 0.6
    canvas.font = `${weight} 100px ${getComputedStyle(document.body).fontFamily}`
    known = canvas.measureText(text).width / 100
    if (widths.size >= KEPT) widths.clear()
    widths.set(key, known)
  }
  return known
}

/** The text, or its beginning with an ellipsis, no wider than `room` at `size`. */
export function fitting(text: string, room: number, size: number, weight: number): string {
  if (width(text, weight) * size <= room) return text
  let [low, high] = [0, text.length]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (width(`${text.slice(0, middle).trimEnd()}…`, weight) * size <= room) low = middle
    else high = middle - 1
  }
  return `${text.slice(0, low).trimEnd()}…`
}
