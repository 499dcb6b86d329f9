/** The curve of a flow through the points that the server laid out. */

import type { Position } from '../city/api'

export function curve(points: Position[]): string {
  let path = `M${points[0]![0]} ${points[0]![1]}`
  for (let i = 1; i < points.length; i++) {
    const [[ax, ay], [bx, by]] = [points[i - 1]!, points[i]!]
    const middle = (ax + bx) / 2
    path += ay === by ? `H${bx}` : `C${middle} ${ay} ${middle} ${by} ${bx} ${by}`
  }
  return path
}
