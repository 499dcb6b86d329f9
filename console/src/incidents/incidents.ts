/** Incident files as the door tells them. Times city us. */

import { get } from '../city/api'

export interface Clock { id: string; title: string; to: string; term: string; due_us: number; applies: string; why: string; state: 'running' | 'overdue' | 'told' | 'told-late' | 'not-applicable'; entry: string; told_us: number; citation: string }
export interface Line { id: string; state: 'open' | 'closed'; title: string; severity: string; opened_at: number; opened_by: string; subjects: string[]; incidents: string[]; clocks: Clock[] }
export interface Step { id: string; record: { at: number; step: string; person: string; text: string; to: string; refs: string[] } }
export interface Account {
  now_us: number
  declaration: string
  state: 'open' | 'closed'
  file: { id: string; title: string; severity: string; opened_at: number; opened_by: string; entry: string; began_at: number; aware_at: number; incidents: string[]; subjects: string[]; more_subjects: number; steps: Step[] }
  affected: {
    devices: string[]
    services: string[]
    functions: string[]
    essential: string
    personal: string
    people: { categories: string[]; data: string[]; count: string }
    recipients: { recipient: string; party: string; datasets: string[]; rows: number; count: number }[]
  }
  clocks: Clock[]
  timeline: { moments: { at: number; entry: string; kind: string; subject: string; said: string }[]; more: Record<string, number> }
}

export const STATES: Record<Clock['state'], string> = { running: 'Runs', overdue: 'Overdue', told: 'Told in time', 'told-late': 'Told late', 'not-applicable': 'Does not apply' }
export const SIGNS: Record<Clock['state'], string> = { running: '◷', overdue: '▲', told: '●', 'told-late': '◆', 'not-applicable': '–' }
export const TAGS: Record<Clock['state'], string> = { running: 'tag is-wait', overdue: 'tag is-bad', told: 'tag is-good', 'told-late': 'tag is-bad', 'not-applicable': 'tag' }

const MINUTE = 60_000_000

/** How long a clock still has, or how long it is over. */
export function left(clock: Clock, now: number): string {
  if (clock.state !== 'running' && clock.state !== 'overdue') return ''
  const minutes = Math.floor(Math.abs(clock.due_us - now) / MINUTE)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)]
  const long = days ? `${days} ${days === 1 ? 'day' : 'days'} ${hours} h` : hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`
  return clock.due_us >= now ? `${long} left` : `${long} over`
}

/** What waits, the first due first: then what does not. */
export const waiting = (clocks: Clock[]): Clock[] => clocks.filter((c) => c.state === 'running' || c.state === 'overdue')

const AGAIN_MS = 3000

/** Asked until it is made; files are read from whole logs, which takes seconds. */
export async function made<T extends object>(path: string, still: () => boolean): Promise<T | null> {
  while (still()) {
    if (document.hidden) {
      await new Promise((done) => setTimeout(done, AGAIN_MS))
      continue
    }
    const told = await get<T | { state: 'being made' }>(path)
    if (!('state' in told) || told.state !== 'being made') return told as T
    await new Promise((done) => setTimeout(done, AGAIN_MS))
  }
  return null
}
