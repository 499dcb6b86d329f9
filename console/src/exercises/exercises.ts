/** Exercises as the door tells them (docs/exercises.md). What is of a twin is always called an exercise. */

export interface Must { id: string; kind: string; said: string; within_s: number; failing: string }
export interface Scenario {
  id: string; title: string; source: string; limits: string; tries: string[]; critical: boolean; why: string; steps: number; lasts_s: number
  services: string[]; subjects: string[]; musts: Must[]
}
export interface Tried {
  entry: string; at: string; scenario: string; seed: number; met: string[]; missed: string[]; score: Record<string, number>
  services: string[]; subjects: string[]; checkpoint: string; declaration: string; person: string
}
export interface Covered { service: string; critical: boolean; scenarios: string[]; held: boolean }
export interface Board { scenarios: Scenario[]; exercises: Tried[]; services: Covered[]; not_tried: string[]; speed: number }

export interface MustNow { id: string; kind: string; said: string; within_s: number; state: 'open' | 'met' | 'missed'; took_s: number | null; why: string }
export interface Progress {
  scenario: string; title: string; spent_s: number; of_s: number; steps: [string, boolean][]; musts: MustNow[]
  saw: { entry: string; at: string; kind: string; words: string }[]; saw_in_all: number; port: number
}
export interface Outcome { scenario: string; staged: boolean; why: string; met: string[]; missed: [string, string, string][]; score: Record<string, number>; seconds: number }
export interface Now { state: 'idle' | 'starting' | 'running' | 'over'; scenario: string; seed: number; person: string; progress: Progress | null; outcome: Outcome | null; said: string }

/** The parts of a score. better: which way is better; a part that is not there was not measured. */
export const SCORE: Record<string, { name: string; unit: string }> = {
  detect_s: { name: 'Time to detect', unit: 's' },
  contain_s: { name: 'Time to contain', unit: 's' },
  recover_s: { name: 'Time to recover', unit: 's' },
  units: { name: 'Things touched', unit: '' },
  flows: { name: 'Flows touched', unit: '' },
  wrong_commands: { name: 'Wrong commands', unit: '' },
  service_level: { name: 'Service level', unit: '' },
  evidence_complete: { name: 'Evidence complete', unit: '' },
  false_alarms: { name: 'Other incidents', unit: '' },
}
export const part = (name: string, value: number | undefined): string =>
  value === undefined ? 'not measured' : name === 'evidence_complete' ? (value ? 'yes' : 'no') : `${Number(value.toPrecision(3))}${SCORE[name]?.unit ? ` ${SCORE[name]!.unit}` : ''}`

export const verdict = (one: Tried): string => `${one.met.length} of ${one.met.length + one.missed.length} met`
export const minute = (at: string): string => at.slice(0, 16).replace('T', ' ')
