/** What the web door says of services. Times without `_ms` are city time in us, of a board's points in ms. */

import type { Command, Position } from '../city/api'
import { city } from '../city/city.svelte'

export type Stance = 'plain' | 'good' | 'wait' | 'bad'
export interface Line { id: string; kind: string; operator: string; state: 'running' | 'failing' | 'silent' | 'waiting'; last_turn: number | null; notices: number; commands_open: number; faults: number; summary: string; figures: Figure[] }
export interface Figure { label: string; value: string; unit: string; stance: Stance; note: string }
export interface Cell { text: string; device: string; stance: Stance }
export interface Table { title: string; columns: string[]; rows: Cell[][]; empty: string }
export interface Curve { title: string; unit: string; points: [number, number][]; forecast: [number, number][]; band: [number, number, number][] }
export interface Shape { at: Position[]; label: string; stance: Stance; device: string; order: number }
export interface SignalHead { name: string; kind: string; now: boolean; seconds: number; most_red_s: number }
export interface SignalQueue { lane: string; device: string; vehicles: number; halted: number; blind: string }
export interface SignalStage { name: string; groups: string[]; plan_s: number }
export interface SignalsAt {
  name: string
  device: string
  stages: SignalStage[]
  groups: SignalHead[]
  queues: SignalQueue[]
  stage: number
  since_s: number
  settled: boolean
  on_plan: boolean
  wish: number
  why: string
  flags: string[]
  asked: string[]
  stance: Stance
}
export interface Board { summary: string; figures: Figure[]; lines: Curve[]; tables: Table[]; shapes: Shape[]; signals: SignalsAt[] }
export interface Notice { id: string; subject: string; title: string; urgency: 'routine' | 'safety'; since: number; do: string; first_at: number; ended_at: number | null }
export interface Proposal { at: number; device: string; command: string; value: number; verdict: string; mend: string; cause: Record<string, string> }
export interface Plan { plan_id: string; kind: string; crew: string; stops: number; figures: Record<string, number>; fixed: boolean; state: string; issued_at: number; expires_at: number; record: string }
export interface Estimate { subject: string; property: string; at: number; made_at: number; value: number; low: number; high: number; coverage: number; model: string; missing: number }
export interface Status {
  at: number
  memory_bytes: number
  shed: Record<string, number>
  left_out: Record<string, number>
  windows_at: number | null
  series: number
  points: number
  documents: Record<string, number>
  held: number
  jobs: string[]
  faults: number
  last_fault: string
  last_fault_at: number | null
}
export interface Page {
  line: Line
  actuators: string[]
  status: Status | null
  board: Board | null
  notices: Notice[]
  proposals: Proposal[]
  commands: Command[]
  estimates: Estimate[]
  plans: Plan[]
  published: Record<string, number>
  now: number
  withheld: boolean
}

export const STATES: Record<Line['state'], string> = { running: 'Running', failing: 'Its last turn failed', silent: 'Silent', waiting: 'No turn yet' }
export const STANCES: Record<Line['state'], Stance> = { running: 'good', failing: 'bad', silent: 'wait', waiting: 'plain' }

/** The tag's class of a stance. */
export const tag = (stance: Stance): string => (stance === 'plain' ? 'tag' : `tag is-${stance}`)
/** What a service says of a device by its id, by the device's name. */
export const byName = (text: string, device: string): string => (device && text.startsWith(device) ? (city.devices.get(device)?.name ?? device) + text.slice(device.length) : text)
