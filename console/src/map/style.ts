/** How the city is drawn: layers over `/tiles/city.pmtiles` and the devices, in one palette for light and one for dark. */

import type { ExpressionSpecification, StyleSpecification } from 'maplibre-gl'

export interface Palette {
  sea: string; land: string; park: string; river: string; building: string
  street: string; road: string; trunk: string; casing: string; area: string
  fresh: string; stale: string; refused: string; unheard: string; lamp: string; rim: string; chosen: string
}

export const DARK: Palette = {
  sea: '#0b1115', land: '#141b20', park: '#14231e', river: '#0b1115', building: '#1c252b',
  street: '#222d34', road: '#2d3a43', trunk: '#3c4c57', casing: '#10171b', area: '#3d4f5b',
  fresh: '#4fc3a8', stale: '#8a979f', refused: '#ff7b6e', unheard: '#566570', lamp: '#ffc861', rim: '#0d1317', chosen: '#f2f6f7',
}

export const LIGHT: Palette = {
  sea: '#c9dae1', land: '#f2f3f0', park: '#dbe8d8', river: '#c9dae1', building: '#e4e6e2',
  street: '#ffffff', road: '#ffffff', trunk: '#fdf6e4', casing: '#d3d9d6', area: '#a9b6b4',
  fresh: '#0c8a72', stale: '#7c8a92', refused: '#c2352a', unheard: '#a3aeb2', lamp: '#f3a41c', rim: '#ffffff', chosen: '#16201f',
}

/** Numbers that grow with the zoom: [zoom, value] pairs. */
const grow = (...stops: number[]): ExpressionSpecification =>
  ['interpolate', ['exponential', 1.5], ['zoom'], ...stops] as unknown as ExpressionSpecification

const kind = (...kinds: string[]): ExpressionSpecification => ['in', ['get', 'kind'], ['literal', kinds]]
const EMPTY: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] }

// What is drawn of a device changes by feature state: the points themselves are given to the map once. `state`: rank in CONDITIONS; `how`:
// hidden, dim, whole; `lit`: 1 a lamp that is on. Every property of a layer that depends on any is worked out anew for a device that
// changes, so the glow, which changes most, has a source of its own.
const now = (name: string, otherwise: number): ExpressionSpecification => ['to-number', ['feature-state', name], otherwise]
const STATE = now('state', 5)
const SHINE = now('shine', 0) // of a lamp, by its level; 0: dark
const alive = (shown: number | ExpressionSpecification, hidden: number): ExpressionSpecification =>
  ['match', now('how', 0), 2, shown, 1, hidden, 0]
const lit = (on: number | string, off: number | string | ExpressionSpecification): ExpressionSpecification => ['match', now('lit', 0), 1, on, off] as ExpressionSpecification
const shines = (radius: number): ExpressionSpecification => ['case', ['>', SHINE, 0], radius, 0]
const small = (elsewhere: number, others: number): ExpressionSpecification => ['match', STATE, ELSEWHERE, elsewhere, others]
const [REFUSED, STALE, UNHEARD, FRESH, INACTIVE, ELSEWHERE] = [0, 1, 2, 3, 4, 5]

/** `tiles` null: the city has no map of streets; its areas and devices are drawn all the same. */
export function mapStyle(p: Palette, tiles: string | null): StyleSpecification {
  const style: StyleSpecification = {
    version: 8,
    transition: { duration: 0, delay: 0 },
    sources: {
      ...(tiles ? { city: { type: 'vector' as const, url: `pmtiles://${tiles}` } } : {}),
      areas: { type: 'geojson', data: EMPTY },
      devices: { type: 'geojson', data: EMPTY, promoteId: 'id' },
      lamps: { type: 'geojson', data: EMPTY, promoteId: 'id' },
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': p.sea } },
      { id: 'land', type: 'fill', source: 'city', 'source-layer': 'earth', paint: { 'fill-color': p.land } },
      { id: 'park', type: 'fill', source: 'city', 'source-layer': 'landuse', paint: { 'fill-color': p.park } },
      { id: 'river', type: 'fill', source: 'city', 'source-layer': 'water', paint: { 'fill-color': p.river } },
      {
        id: 'building', type: 'fill', source: 'city', 'source-layer': 'buildings', minzoom: 13,
        paint: { 'fill-color': p.building, 'fill-opacity': grow(13, 0, 14, 1) },
      },
      {
        id: 'casing', type: 'line', source: 'city', 'source-layer': 'roads', filter: kind('secondary', 'primary', 'motorway'),
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': p.casing, 'line-width': grow(10, 1.6, 14, 8, 17, 22) },
      },
      {
        id: 'street', type: 'line', source: 'city', 'source-layer': 'roads', filter: kind('residential'), minzoom: 11,
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': p.street, 'line-width': grow(11, 0.4, 14, 2.4, 17, 10) },
      },
      {
        id: 'road', type: 'line', source: 'city', 'source-layer': 'roads', filter: kind('secondary'),
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': p.road, 'line-width': grow(10, 0.6, 14, 5, 17, 16) },
      },
      {
        id: 'trunk', type: 'line', source: 'city', 'source-layer': 'roads', filter: kind('primary', 'motorway'),
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': p.trunk, 'line-width': grow(10, 1.2, 14, 6, 17, 18) },
      },
      {
        id: 'area', type: 'line', source: 'areas',
        paint: { 'line-color': p.area, 'line-width': 1, 'line-dasharray': [3, 3], 'line-opacity': 0.8 },
      },
      {
        id: 'glow', type: 'circle', source: 'lamps',
        paint: {
          'circle-color': p.lamp,
          'circle-radius': ['interpolate', ['exponential', 1.5], ['zoom'], 10, shines(12), 13, shines(30), 16, shines(100)],
          'circle-blur': 1,
          'circle-opacity': SHINE, // also under a cluster's mark
          'circle-pitch-alignment': 'map',
        },
      },
      {
        id: 'ring', type: 'circle', source: 'devices',
        paint: {
          'circle-radius': grow(10, 6, 14, 10, 17, 14), 'circle-opacity': 0,
          'circle-stroke-color': p.refused, 'circle-stroke-width': 1.8,
          'circle-stroke-opacity': ['match', STATE, REFUSED, alive(1, 0.1), 0],
        },
      },
      {
        id: 'device', type: 'circle', source: 'devices',
        paint: {
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, small(1.4, 2.8), 14, small(2.6, 5), 17, 8],
          'circle-color': lit(p.lamp, ['match', STATE, FRESH, p.fresh, REFUSED, p.refused, ELSEWHERE, p.unheard, p.land]),
          'circle-opacity': alive(1, 0.12),
          'circle-stroke-color': ['match', STATE, STALE, p.stale, UNHEARD, p.unheard, INACTIVE, p.unheard, p.rim],
          'circle-stroke-width': ['match', STATE, STALE, 1.8, ELSEWHERE, 0, lit(0.6, 1.2)],
          'circle-stroke-opacity': alive(1, 0.12),
        },
      },
      {
        id: 'chosen', type: 'circle', source: 'devices', filter: ['==', ['get', 'id'], ''],
        paint: {
          'circle-radius': grow(10, 8, 14, 12, 17, 17), 'circle-opacity': 0,
          'circle-stroke-color': p.chosen, 'circle-stroke-width': 2,
        },
      },
    ],
  }
  if (!tiles) style.layers = style.layers.filter((layer) => !('source' in layer) || layer.source !== 'city')
  return style
}
