/** What the watch found, asked again every few seconds while somebody is signed in. */

import { get, type Severity, type WatchView } from '../city/api'
import { city } from '../city/city.svelte'

const EVERY_MS = 5000
const RANK: Severity[] = ['low', 'medium', 'high', 'critical']

class Watch {
  view = $state.raw<WatchView | null>(null)
  problem = $state<string | null>(null)
  readonly open = $derived(this.view?.incidents.filter((i) => i.state === 'open').length ?? 0)
  readonly worst = $derived(worst(this.view))
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    void this.#again()
  }

  /** Ask now; what is shown is never older than the answer. */
  async ask(): Promise<void> {
    try {
      this.view = await get<WatchView>('/api/watch')
      this.problem = null
    } catch (error) {
      this.problem = (error as Error).message
    }
  }

  async #again(): Promise<void> {
    if (city.link !== 'signed-out' && !document.hidden) await this.ask()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#again(), EVERY_MS)
  }
}

function worst(view: WatchView | null): Severity {
  const open = view?.incidents.filter((i) => i.state === 'open') ?? []
  return open.reduce<Severity>((most, i) => (RANK.indexOf(i.severity) > RANK.indexOf(most) ? i.severity : most), 'low')
}

export const watch = new Watch()
