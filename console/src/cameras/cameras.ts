/** Cameras as the city tells of them, and the pictures of a granted view. Times are city us. See docs/cctv.md. */

import { get, post, Unanswered } from '../city/api'

export interface Line { line: string; ways: Record<string, number> }
export interface Camera {
  id: string
  name: string
  device: string
  area: string
  view: string
  purpose: string
  lawful_basis: string
  dataset: string
  status: string
  heard: boolean
  learning: boolean
  troubles: Record<string, number>
  why: string
  readings: Record<string, number>
  lines: Line[]
  purposes: string[]
  longest_minutes: number
  cameras_most: number
  clear: boolean
  no_vehicles?: string
  keep_hours: number
  frames_per_s: number
  viewing: number
  viewers: string[]
  may_ask: boolean
}
export interface View {
  id: string
  person: string
  party: string
  camera: string
  purpose: string
  reason: string
  kind: 'live' | 'recorded' | 'export'
  cover: 'covered' | 'clear'
  state: 'asked' | 'agreed' | 'open' | 'ended' | 'refused'
  second: string
  asked_at: number
  opened_at: number
  ends_at: number
  ended_at: number
  outcome: string
  pictures: number
  since: number
  until: number
  record: string
}
export interface Wall { cameras: Camera[]; mine: View[]; waiting: View[]; audits: boolean; me: string; now: number }
export interface Asked { view: View; token: string }
export interface Span { begin: number; end: number; pictures: number }
export interface Refusal { at: number; person: string; camera: string; purpose: string; reason: string; reasons: string[]; source: string; record: string }
export interface Tally { name: string; views: number; pictures: number; refused: number }
export interface Viewed { views: View[]; refusals: Refusal[]; by_camera: Tally[]; by_person: Tally[]; by_purpose: Tally[]; now: number }
export interface Question { purpose: string; reason: string; minutes: number; kind: 'live' | 'recorded'; cover: 'covered' | 'clear'; since?: number; until?: number }

const of = (camera: string): string => `/api/cameras/${encodeURIComponent(camera)}`
const on = (view: string): string => `/api/views/${encodeURIComponent(view)}`

export const wall = (): Promise<Wall> => get<Wall>('/api/cameras')
export const recorded = (camera: string): Promise<{ spans: Span[]; keep_hours: number; now: number }> => get(`${of(camera)}/recorded`)
export const ask = (camera: string, question: Question): Promise<Asked> => post<Asked>(`${of(camera)}/views`, question)
export const reopen = (view: string): Promise<Asked> => post<Asked>(`${on(view)}/open`)
export const end = (view: string): Promise<View> => post<View>(`${on(view)}/end`)
export const settle = (view: string, how: 'approve' | 'refuse'): Promise<View> => post<View>(`${on(view)}/${how}`)
export const viewed = (): Promise<Viewed> => get<Viewed>('/api/viewed')

const DEADLINE_MS = 10_000

/** One picture for one token, and the next token. Throws `Unanswered`; where that holds a token, it may be tried again. */
export async function picture(view: string, token: string, at: number): Promise<{ picture: Blob | null; token: string; why: string }> {
  let answer: Response
  try {
    answer = await fetch(`${on(view)}/picture${at ? `?at=${at}` : ''}`, { headers: { 'x-view-token': token }, signal: AbortSignal.timeout(DEADLINE_MS) })
  } catch {
    throw new Unanswered(0, 'The city does not answer.')
  }
  const next = answer.headers.get('x-view-token') ?? ''
  if (answer.ok) return { picture: await answer.blob(), token: next, why: '' }
  if (answer.status === 429) return { picture: null, token, why: 'Too fast; waiting.' }
  const told = (await answer.json().catch(() => null)) as { detail?: string } | null
  const why = told?.detail ?? `The city answered ${answer.status}.`
  if (answer.status === 503 && next) return { picture: null, token: next, why }
  throw new Unanswered(answer.status, why)
}

/** What is wrong, in words: nothing by colour alone. */
export function health(camera: Camera): { word: string; kind: 'good' | 'wait' | 'bad' } {
  const troubles = Object.keys(camera.troubles)
  if (camera.status !== 'active') return { word: camera.status, kind: 'bad' }
  if (troubles.length) return { word: troubles.join(', '), kind: 'bad' }
  if (!camera.heard) return { word: 'not heard', kind: 'wait' }
  return camera.learning ? { word: 'learning', kind: 'wait' } : { word: 'fine', kind: 'good' }
}

/** 3 people forward, 1 vehicle back. */
export const passed = (line: Line): string =>
  Object.entries(line.ways)
    .filter(([, n]) => n > 0)
    .map(([way, n]) => `${n} ${n === 1 ? way : way.replace(/^person/, 'people').replace(/^vehicle/, 'vehicles')}`)
    .join(', ') || 'nothing yet'

/** Its declaration says that no vehicle comes into view, and it counted one: plates are not searched for, so one may stand in a picture uncovered. */
export const contradicted = (camera: Camera): boolean =>
  Boolean(camera.no_vehicles) && camera.lines.some((line) => Object.entries(line.ways).some(([way, n]) => way.startsWith('vehicle') && n > 0))

/** 9:05 */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds))
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`
}
