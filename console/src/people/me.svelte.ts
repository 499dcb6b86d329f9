/** Who is signed in, what they hold until when, and what everybody is told: asked again every few seconds. */

import { get, Unanswered, type Me } from '../city/api'
import { city } from '../city/city.svelte'

const EVERY_MS = 4000

class Myself {
  view = $state.raw<Me | null>(null)
  problem = $state<string | null>(null)

  constructor() {
    void this.#again()
  }

  /** Ask now. */
  async ask(): Promise<void> {
    try {
      this.view = await get<Me>('/api/me')
      this.problem = null
    } catch (error) {
      this.problem = (error as Error).message
      if (error instanceof Unanswered && error.status === 401) city.link = 'signed-out'
    }
  }

  /** How long until a moment (machine us), in words. */
  left(until: number): string {
    if (!until || !this.view) return 'until it is taken away'
    const minutes = Math.max(0, Math.ceil((until - this.view.now) / 60_000_000))
    return minutes < 90 ? `${minutes} min left` : `${(minutes / 60).toFixed(1)} h left`
  }

  async #again(): Promise<void> {
    if (!document.hidden && city.link !== 'signed-out') await this.ask()
    setTimeout(() => void this.#again(), EVERY_MS)
  }
}

export const me = new Myself()
