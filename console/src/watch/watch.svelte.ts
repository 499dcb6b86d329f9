/** What the watch found, asked again when the feed says that it moved. Further pages are asked for when somebody wants them. */

import { get, type Incident, type IncidentState, type Severity, type WatchView } from '../city/api'
import { city } from '../city/city.svelte'
import { Kept } from '../city/kept'
import { me } from '../people/me.svelte'

const EVERY_MS = 5000
const UNTIL_KNOWN_MS = 200
const RANK: Severity[] = ['low', 'medium', 'high', 'critical']

class Watch {
  view = $state.raw<WatchView | null>(null)
  problem = $state<string | null>(null)
  /** The pages behind the first, as they were when they were asked for. */
  #further = $state.raw<Incident[]>([])
  readonly open = $derived(sum(this.view, 'open'))
  readonly inHand = $derived(sum(this.view, 'acknowledged'))
  readonly worst = $derived<Severity>(RANK.findLast((severity) => this.view?.counts.open?.[severity]) ?? 'low')
  readonly incidents = $derived.by(() => {
    const first = this.view?.incidents ?? []
    const known = new Set(first.map((i) => i.id))
    const all = [...first, ...this.#further.filter((i) => !known.has(i.id))]
    return [...all.filter((i) => i.state === 'open'), ...all.filter((i) => i.state !== 'open')]
  })
  /** How many open ones, and ones in hand, are not in `incidents`. */
  readonly left = $derived(Math.max(0, this.open + this.inHand - this.incidents.length))
  /** City time (us), running on between two answers. */
  readonly now = $derived(Math.max(this.view?.now ?? 0, 1000 * (city.cityNow ?? 0)))
  readonly #kept = new Kept('watch')
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    void this.#again()
  }

  /** Ask now; what is shown is never older than the answer. Whoever may not look, or is not known yet, is not asked for. */
  async ask(): Promise<void> {
    if (!me.view?.rights.includes('watch')) return
    this.#kept.asked()
    try {
      this.view = await get<WatchView>('/api/watch')
      this.problem = null
    } catch (error) {
      this.#kept.failed()
      this.problem = (error as Error).message
    }
  }

  /** The next page. */
  async more(): Promise<void> {
    const shown = (state: IncidentState): Incident[] => this.incidents.filter((i) => i.state === state)
    const state: IncidentState = shown('open').length < this.open ? 'open' : 'acknowledged'
    const after = shown(state).at(-1)?.id
    try {
      const next = await get<WatchView>(`/api/watch?state=${state}${after ? `&after=${encodeURIComponent(after)}` : ''}`)
      const known = new Set(this.#further.map((i) => i.id))
      this.#further = [...this.#further, ...next.incidents.filter((i) => !known.has(i.id))]
      this.problem = null
    } catch (error) {
      this.problem = (error as Error).message
    }
  }

  /** What stands behind the first page is forgotten: whoever comes back sees what is so now. */
  fold(): void {
    this.#further = []
  }

  /** Whether one that was put off is not any more: that comes by the clock, and no token tells it. */
  #oneComesBack(): boolean {
    return city.link === 'live' && (this.view?.waiting ?? []).some((id) => (this.view?.hands?.[id]?.snoozed_until ?? Infinity) <= this.now)
  }

  async #again(): Promise<void> {
    if (this.#kept.due() || (this.#oneComesBack() && !document.hidden)) await this.ask()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#again(), me.view ? EVERY_MS : UNTIL_KNOWN_MS)
  }
}

const sum = (view: WatchView | null, state: IncidentState): number => Object.values(view?.counts[state] ?? {}).reduce((all, n) => all + n, 0)

export const watch = new Watch()
