/**
 * What a person chose on the map: filter, moment, and where the map stands. Read from the address and written back to it, so that
 * whoever is sent the address sees the same.
 *
 * INVARIANT: writing replaces the entry of the browser's history: looking around is no way that one goes back step by step.
 */

import type { Position } from '../city/api'
import { link, router } from '../city/route.svelte'
import { asked, EVERYTHING, filterOf, type Filter } from './filter'

const SETTLED_MS = 350 // browsers refuse more than some hundred changes in half a minute
const DAY_MS = 86_400_000

export interface Camera { centre: Position; zoom: number }

const moment = (text: string | null): number | null => {
  const ms = text === null || text === '' ? NaN : /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isFinite(ms) && ms > 0 ? ms : null
}
const written = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString().replace('.000Z', 'Z'))

function cameraOf(query: URLSearchParams): Camera | null {
  const zoom = Number(query.get('z') ?? NaN)
  const [lon, lat] = (query.get('c') ?? '').split(',').map(Number)
  if (!Number.isFinite(zoom) || lon === undefined || lat === undefined || !Number.isFinite(lon) || !Number.isFinite(lat)) return null
  if (Math.abs(lon) > 180 || Math.abs(lat) > 85) return null
  return { centre: [lon, lat], zoom: Math.min(18, Math.max(8, zoom)) }
}

class View {
  filter = $state.raw<Filter>(EVERYTHING)
  /** City time in ms of the moment that is shown; null: now. */
  at = $state<number | null>(null)
  from = $state<number | null>(null)
  until = $state<number | null>(null)
  /** Where the address wants the map; null: nothing said. */
  camera = $state.raw<Camera | null>(null)

  #moved: Camera | null = null // by the person
  #timer: ReturnType<typeof setTimeout> | undefined

  read(query: URLSearchParams): void {
    clearTimeout(this.#timer)
    this.filter = filterOf(query)
    this.at = moment(query.get('at'))
    this.from = moment(query.get('from'))
    this.until = moment(query.get('until'))
    if (this.from !== null && this.until !== null && (this.until <= this.from || this.until - this.from > 7 * DAY_MS)) this.from = this.until = null
    this.camera = this.#moved = cameraOf(query)
  }

  choose(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change }
    this.#soon()
  }

  show(at: number | null, span?: { from: number; until: number } | null): void {
    this.at = at
    if (span !== undefined || at === null) {
      this.from = span?.from ?? null
      this.until = span?.until ?? null
    }
    this.#soon()
  }

  move(camera: Camera): void {
    this.#moved = camera
    this.#soon()
  }

  /** The address of what is shown. */
  address(): string {
    const { centre, zoom } = this.#moved ?? { centre: null, zoom: null }
    return link('map', [], {
      ...asked(this.filter),
      at: written(this.at),
      from: written(this.from),
      until: written(this.until),
      z: zoom === null ? null : zoom.toFixed(2),
      c: centre && centre.map((n) => n.toFixed(5)).join(','),
    })
  }

  /** Nothing more is written once the page is left. */
  leave(): void {
    clearTimeout(this.#timer)
  }

  #soon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (router.now.page === 'map') history.replaceState(history.state, '', this.address())
    }, SETTLED_MS)
  }
}

export const view = new View()
