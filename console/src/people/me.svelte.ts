/** Who is signed in, what they hold until when, and what everybody is told: asked again when the feed says that it moved. */

import { get, Unanswered, type Me } from '../city/api'
import { city } from '../city/city.svelte'
import { Kept } from '../city/kept'

const EVERY_MS = 4000

class Myself {
  view = $state.raw<Me | null>(null)
  problem = $state<string | null>(null)
  readonly #kept = new Kept('people')
  #heardAt = 0 // machine time of this browser

  constructor() {
    void this.#again()
  }

  /** Ask now. */
  async ask(): Promise<void> {
    this.#kept.asked()
    try {
      this.view = await get<Me>('/api/me')
      this.#heardAt = Date.now()
      this.problem = null
    } catch (error) {
      this.#kept.failed()
      this.problem = (error as Error).message
      if (error instanceof Unanswered && error.status === 401) city.link = 'signed-out'
    }
  }

  /** How long until a moment (machine us), in words. */
  left(until: number): string {
    if (!until || !this.view) return 'until it is taken away'
    const now = this.view.now + 1000 * Math.max(0, city.now - this.#heardAt)
    const minutes = Math.max(0, Math.ceil((until - now) / 60_000_000))
    return minutes < 90 ? `${minutes} min left` : `${(minutes / 60).toFixed(1)} h left`
  }

  async #again(): Promise<void> {
    if (this.#kept.due()) await this.ask()
    setTimeout(() => void this.#again(), EVERY_MS)
  }
}

export const me = new Myself()
