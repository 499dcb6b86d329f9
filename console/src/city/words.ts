/** Numbers, times and ids as people read them. One place, so that every column agrees. */

const grouped = (whole: string): string => (whole.length <= 3 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, ','))

/** By hand: it is asked for some hundred times a second, and takes a tenth of what `Intl` takes. Without an exponent up to 1e21. */
function written(n: number, digits: number, least = 0): string {
  const [whole = '', rest = ''] = n.toFixed(digits).split('.')
  let end = rest.length
  while (end > least && rest[end - 1] === '0') end--
  return end ? `${grouped(whole)}.${rest.slice(0, end)}` : grouped(whole)
}

/** 1284339 -> 1,284,339 */
export const count = (n: number): string => written(n, 0)

/** A measured value: at most three significant decimals, never an exponent. */
export function value(n: number): string {
  const size = Math.abs(n)
  const digits = size >= 1000 || Number.isInteger(n) ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3
  return written(n, digits)
}

const SYMBOLS: Record<string, string> = { Cel: '°C', '%RH': '%', 'ug/m3': 'µg/m³', count: '' }

/** The SenML unit as it is printed. */
export const unit = (senml: string): string => SYMBOLS[senml] ?? senml

/** 12.5 per second; small rates keep a decimal. */
export const rate = (n: number): string => (n < 100 ? written(n, 1, 1) : written(n, 0))

/** How long ago, in one unit. */
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 172_800) return `${Math.floor(s / 3600)} h`
  return `${Math.floor(s / 86_400)} days`
}

/** `out-of-range` -> `out of range` */
export const plain = (id: string): string => id.replaceAll('-', ' ').replaceAll('_', ' ')

/** First letter large. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Words of the city as a sentence of the page: first letter large, one end. */
export const asSentence = (text: string): string => `${sentence(text.replace(/\.$/, ''))}.`

/** Formats city times in the place's own time zone. */
export class Times {
  readonly zone: string
  readonly #clock: Intl.DateTimeFormat
  readonly #seconds: Intl.DateTimeFormat
  readonly #day: Intl.DateTimeFormat

  constructor(zone: string) {
    this.zone = known(zone)
    const of = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { timeZone: this.zone, hour12: false, ...options })
    this.#clock = of({ hour: '2-digit', minute: '2-digit' })
    this.#seconds = of({ hour: '2-digit', minute: '2-digit', second: '2-digit' })
    this.#day = of({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' })
  }

  clock = (ms: number): string => this.#clock.format(ms)
  seconds = (ms: number): string => this.#seconds.format(ms)
  day = (ms: number): string => this.#day.format(ms).replace(',', '')
}

function known(zone: string): string {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: zone })
    return zone
  } catch {
    return 'UTC'
  }
}
