/**
 * Rows of a long list that is drawn once a second: those in sight are made anew each time, of the others a tenth, in turn. A row that is
 * not made anew is the same object, so that nothing is drawn for it.
 *
 * INVARIANT: what comes into sight is made anew at once, and what is out of it is never older than `SLICES` beats.
 */

const SLICES = 10

export class Steady<Row> {
  #rows = new Map<string, Row>()
  #beat = 0
  readonly #seen = new Set<string>()
  readonly #of = new WeakMap<Element, string>()
  readonly #came: () => void
  #observer: IntersectionObserver | null = null

  /** `came`: something came into sight. */
  constructor(came: () => void) {
    this.#came = came
  }

  /** The rows of these keys, in order. */
  rows(keys: readonly string[], make: (key: string) => Row): Row[] {
    this.#beat = (this.#beat + 1) % SLICES
    const kept = new Map<string, Row>()
    keys.forEach((key, i) => {
      const before = this.#rows.get(key)
      kept.set(key, before === undefined || this.#seen.has(key) || i % SLICES === this.#beat ? make(key) : before)
    })
    this.#rows = kept
    return [...kept.values()]
  }

  /** For the element of a row. */
  row = (element: Element, key: string): { update: (key: string) => void; destroy: () => void } => {
    this.#observer ??= new IntersectionObserver((all) => this.#look(all), { rootMargin: '80px' })
    this.#of.set(element, key)
    this.#observer.observe(element)
    return {
      update: (now) => this.#of.set(element, now),
      destroy: () => {
        this.#observer?.unobserve(element)
        this.#seen.delete(this.#of.get(element) ?? '')
      },
    }
  }

  #look(all: readonly IntersectionObserverEntry[]): void {
    let any = false
    for (const { target, isIntersecting } of all) {
      const key = this.#of.get(target)
      if (key === undefined) continue
      if (!isIntersecting) this.#seen.delete(key)
      else if (!this.#seen.has(key)) {
        this.#seen.add(key)
        any = true
      }
    }
    if (any) this.#came()
  }
}
