/**
 * Which devices stand so close together at a zoom that they are drawn as one mark.
 *
 * Devices do not move, so clusters are made once for each whole zoom and stay: what changes is only what is told of their members.
 *
 * INVARIANTS
 * - A device is in one cluster of a zoom, or in none; a cluster has `LEAST` members or more.
 * - The same devices in the same order give the same clusters.
 */

import type { Position } from '../city/api'

export const CLOSE = 14 // from this zoom on every device is drawn for itself
const LEAST = 4
const REACH_PX = 40
const TILE_PX = 512

export interface Cluster { number: number; members: number[]; centre: Position; box: [number, number, number, number] }
export interface Clusters { all: Cluster[]; of: Int32Array } // `of`: the number of a device's cluster, -1 where it has none

/** Web Mercator, 0..1. */
const x = (lon: number): number => (lon + 180) / 360
const y = (lat: number): number => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI)

/** The clusters at a whole zoom; of 5,000 devices in some milliseconds. */
export function clustersAt(positions: readonly (Position | null)[], zoom: number): Clusters {
  const of = new Int32Array(positions.length).fill(-1)
  const all: Cluster[] = []
  if (zoom >= CLOSE) return { all, of }
  const reach = REACH_PX / (TILE_PX * 2 ** zoom)
  const xs = positions.map((p) => (p ? x(p[0]) : 0))
  const ys = positions.map((p) => (p ? y(p[1]) : 0))
  const key = (cx: number, cy: number): number => cx * 0x4000000 + cy
  const cells = new Map<number, number[]>()
  positions.forEach((p, i) => {
    if (!p) return
    const cell = key(Math.floor(xs[i]! / reach), Math.floor(ys[i]! / reach))
    const there = cells.get(cell)
    if (there) there.push(i)
    else cells.set(cell, [i])
  })
  for (let i = 0; i < positions.length; i++) {
    if (!positions[i] || of[i] !== -1) continue
    const members: number[] = []
    const [cx, cy] = [Math.floor(xs[i]! / reach), Math.floor(ys[i]! / reach)]
    for (let dx = -1; dx <= 1; dx++)
      for (let dy = -1; dy <= 1; dy++)
        for (const j of cells.get(key(cx + dx, cy + dy)) ?? [])
          if (of[j] === -1 && Math.hypot(xs[j]! - xs[i]!, ys[j]! - ys[i]!) <= reach) members.push(j)
    if (members.length < LEAST) continue
    for (const j of members) of[j] = all.length
    all.push(clusterOf(all.length, members, positions as readonly Position[]))
  }
  return { all, of }
}

function clusterOf(number: number, members: number[], positions: readonly Position[]): Cluster {
  const box: Cluster['box'] = [180, 90, -180, -90]
  let [lon, lat] = [0, 0]
  for (const i of members) {
    const at = positions[i]!
    lon += at[0] / members.length
    lat += at[1] / members.length
    box[0] = Math.min(box[0], at[0])
    box[1] = Math.min(box[1], at[1])
    box[2] = Math.max(box[2], at[0])
    box[3] = Math.max(box[3], at[1])
  }
  return { number, members, centre: [lon, lat], box }
}
