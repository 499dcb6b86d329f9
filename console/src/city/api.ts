/** What the web door answers; see docs/api.md. Times ending in `_ms` are city time. */

export type Position = [number, number]

export interface Property { id: string; title: string; unit: string }
export interface Device {
  id: string
  group: string
  model: string
  name: string
  area: string | null
  position: Position | null
  status: string
  actuator: boolean
  properties: Property[]
}
export interface Area { id: string; name: string; centre: Position | null; outline: Position[] }
export interface Flow { id: string; name: string; from: string; to: string; to_name: string; purpose: string }
export interface Clock { now_ms: number; speed: number }
export interface Place {
  id: string
  name: string
  position: Position
  timezone: string
  tiles: boolean
  clock: Clock
  areas: Area[]
  devices: Device[]
  flows: Flow[]
  services: { id: string; name: string; kind: string; operator: string; operator_name: string; actuators: string[]; sources: string[] }[]
}
export interface Totals { received: number; admitted: number; refused: number; shed: number }
export interface FlowCount extends Totals { flow: string }
export interface Counts { totals: Totals; flows: FlowCount[]; rate_per_s: number }
export interface Latest { device: string; property: string; value: number; observed_at_ms: number }
export interface Command {
  id: string
  service: string
  device: string
  command: string
  value: number
  state: 'sent' | 'acknowledged' | 'timed-out' | 'rejected'
  cause: Record<string, string>
  /** The cause path, in one line. */
  because: string
  record: string
  sent_at_ms: number
  settled_at_ms: number | null
}
/** A token for each answer that pages keep: it moves when the answer does. */
export interface Versions { people?: string; watch?: string }

export interface Health { status: 'ok' | 'stale'; backlog: number | null; clients: number; dropped: number; dropped_values: number }
export interface Refusal {
  seq: number
  row: number
  device: string
  flow: string
  property: string
  reason: string
  mend: string
  value: number | null
  observed_at_ms: number | null
  received_at_ms: number
  excerpt: string
}
export interface Refusals {
  reasons: { flow: string; reason: string; count: number; mend: string }[]
  recent: Refusal[]
  door?: { reason: string; count: number }[]
}
export interface Expected { property: string; hour: number; low: number; high: number; count: number }
export interface DeviceAnswer {
  device: Device
  latest: (Omit<Latest, 'device'> & { received_at_ms?: number })[]
  expected: Expected[]
  last_seen_ms: number | null
  flow: string | null
  chain: string[]
  credential: { state: string; issued_at_ms?: number | null; revoked_at_ms?: number | null }
  refusals: Refusal[]
}
export interface Series { property: string; unit: string; points: [number, number][] }
/** A span that is not to be relied on; no properties: all of them. */
export interface Mark { id: string; state: 'suspect' | 'retracted'; properties: string[]; since_ms: number; until_ms: number; why: string }
export interface Window { since_ms: number; until_ms: number; series: Series[]; marks: Mark[] }
export interface SoFar { count: number; mae: number; skill: number; coverage: number }
/** What comes of one property; `points`: at_ms, value, low, high. No points: `why`. */
export interface ForecastSeries {
  property: string
  unit: string
  made_at_ms: number | null
  model: string
  coverage: number
  missing: number
  points: [number, number, number, number][]
  so_far: SoFar | null
  why: string
}
export interface Forecast { now_ms: number; series: ForecastSeries[] }
export interface ChainNode { id: string; kind: string; title: string; subtitle: string; x: number; y: number; w: number; h: number; flows?: string[]; party?: string }
export interface ChainEdge {
  flow: string
  title?: string
  from: string
  to: string
  points: Position[]
  datasets?: string[]
  purpose?: string
  protection?: string
  observability: string
}
export interface Chain { width: number; height: number; nodes: ChainNode[]; edges: ChainEdge[] }

export type About = 'dataset' | 'party' | 'jurisdiction' | 'service' | 'thing'
export type Subjects = Record<About, { id: string; name: string; land?: string; personal?: boolean }[]>
export type Verdict = 'reachable' | 'unknown' | 'access without instrument' | 'compellable without access'
export interface ReachRow {
  who: string
  who_name: string
  axis: '' | 'party' | 'place'
  kind: string
  item: string
  item_name: string
  mode: string
  verdict: Verdict
  allowed: boolean | null
  missing: string[]
}
export interface ReachReport {
  question: string
  subject: string
  digest: string
  rows: ReachRow[]
  facts: { path: string; where: string; settles: number }[]
  reachable: number
  unknown: number
  sentence: string
  joined: { datasets: string[]; personal: string[]; categories: string[]; subjects: string[] } | null
}
export interface Reason {
  sentences: { text: string; where: string[]; missing: string | null }[]
  conclusion: string
  nodes: string[]
  flows: string[]
}

export type Severity = 'low' | 'medium' | 'high' | 'critical'
export type IncidentState = 'open' | 'acknowledged' | 'closed'
/** Times of the watch are city time in us. */
export interface Incident {
  id: string
  title: string
  shared: string
  severity: Severity
  began_at: number
  last_at: number
  findings: number
  subjects: number
  first_subjects: string[]
  kinds: string[]
  state: IncidentState
  quiet_since: number | null
  person: string
  note: string
}
export interface Finding {
  id: string
  detector: string
  kind: string
  title: string
  subject: string
  property: string
  severity: Severity
  began_at: number
  at: number
  ended_at: number | null
  score: number
  words: string
  facts: Record<string, string>
  others: string[]
  records: string[]
  technique: string
  todo: string
}
export interface Standing { device: string; trust: number; state: 'trusted' | 'suspect' | 'quarantined'; since: number; because: string[] }
export interface WatchView { incidents: Incident[]; counts: Partial<Record<IncidentState, Partial<Record<Severity, number>>>>; standings: Standing[]; standings_in_all: number; detectors: number; now: number; waiting?: string[]; hands?: Record<string, { snoozed_until: number }> }
export interface IncidentView { incident: Incident; findings: Finding[] }
export interface Card {
  id: string
  title: string
  sees: string
  fails_when: string[]
  source: string
  kinds: { id: string; title: string; severity: Severity; technique: string }[]
}
export interface Containment { id: string; target: string; reason: string; asked_by: string; approved_by: string; units: string[]; state: 'asked' | 'begun' | 'lifted' | 'expired' | 'refused'; until: number | null; ended_by: string }
export interface Preview {
  subject: { kind: string; id: string }
  parties: string[]
  sites: string[]
  devices: string[]
  units: string[]
  services: { service: string; actuators: number; of_actuators: number; sources: number; fail_safe: string[] }[]
  cost: { axis: string | null; outcome: { effects: { function: string; essential: boolean; fails_h: number }[]; citizens: { affected: number; of: number } } }[]
  unknown: string[]
}

/** Times of people are machine time in us; 0: none. */
export interface Grant { id: string; person: string; role: string; state: 'asked' | 'given' | 'taken' | 'refused'; reason: string; given_by: string; since: number; until: number; seconds: number; glass: boolean; reviewed_by: string }
export interface Me {
  id: string
  name: string
  party: string
  roles: { role: string; name: string; until: number; grant: string; glass: boolean }[]
  rights: string[]
  two_person: string[]
  elsewhere: string[]
  devices: number
  actuators: number
  datasets: number
  asked: Grant[]
  offers: { role: string; name: string; longest_s: number; glass: boolean }[]
  passkeys: { id: string; name: string; host: string; added_at: number; used_at: number | null }[]
  glass: { grant: string; person: string; role: string; reason: string; until: number }[]
  waiting: number
  now: number
  shows_as?: boolean; party_name?: string
  shown?: { role: string; name: string; party: string; until: number; withheld: string[] } | null
}
/** A role that the city can be shown as; `withheld` of it is not, as the person does not hold it themselves. */
export interface Showable { role: string; name: string; party: string; party_name: string; ours: boolean; rights: string[]; datasets: string[]; services: string[]; withheld: string[] }
export interface Second { id: string; act: string; about: string; asked_by: string; until: number; state: 'asked' | 'approved' | 'refused'; by: string }
export interface SessionInfo { id: string; opened_at: number; expires_at: number; source: string; way: string; this: boolean }

/** What went wrong, in words for the person who looks at the page. */
export class Unanswered extends Error {
  constructor(readonly status: number, message: string, readonly word = '') {
    super(message)
  }
}

const DEADLINE_MS = 15_000
const left = new AbortController()

/** Ask nothing any more: what is under way while somebody signs out would be asked in nobody's name. */
export const leave = (): void => left.abort()

/** GET one of our own paths. Throws `Unanswered`, also when the answer takes too long, or longer than `signal` says instead. */
export const get = <T,>(path: string, signal?: AbortSignal): Promise<T> => ask<T>(path, signal ? { signal } : {})

/**
 * POST to one of our own paths. Throws `Unanswered` with the city's own words where it refuses. Where the city wants to know again
 * who is there, the passkey is asked for, and the request is sent once more.
 */
export async function post<T>(path: string, body?: unknown): Promise<T> {
  const how = { method: 'POST', ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { accept: 'application/json', 'content-type': 'application/json' } }) }
  try {
    return await ask<T>(path, how)
  } catch (error) {
    if (!(error instanceof Unanswered) || error.word !== 'prove-again') throw error
  }
  const asked = await ask<PublicKeyCredentialRequestOptionsJSON>('/api/me/prove/ask', { method: 'POST' })
  const proof = (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) })) as PublicKeyCredential
  await ask('/api/me/prove', { method: 'POST', body: JSON.stringify(proof.toJSON()), headers: { 'content-type': 'application/json' } })
  return ask<T>(path, how)
}

async function ask<T>(path: string, how: RequestInit): Promise<T> {
  let answer: Response
  try {
    const signal = AbortSignal.any([left.signal, how.signal ?? AbortSignal.timeout(DEADLINE_MS)])
    answer = await fetch(path, { headers: { accept: 'application/json' }, ...how, signal })
  } catch {
    throw new Unanswered(0, 'The city does not answer.')
  }
  if (answer.status === 204) return undefined as T
  if (answer.ok) return (await answer.json()) as T
  if (answer.status === 401) throw new Unanswered(401, 'You are signed out.')
  if (answer.status === 409 || answer.status === 400 || answer.status === 403) {
    const told = (await answer.json().catch(() => null)) as { detail?: string; type?: string } | null
    throw new Unanswered(answer.status, told?.detail ?? `The city answered ${answer.status}.`, told?.type?.split(':').at(-1) ?? '')
  }
  if (answer.status === 404) throw new Unanswered(404, 'There is no such thing in this city.')
  throw new Unanswered(answer.status, `The city answered ${answer.status}.`)
}
