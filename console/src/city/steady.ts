/**
 * Rows of a long list that is drawn once a second: those in sight are made anew each time, of the others a tenth, in turn. A row that is
 * not made anew is the same object, so that nothing is drawn for it.
 *
 * INVARIANT: what comes into sight is made anew at once, and what is out of it is never older than `SLICES` beats.
 */

const SLICES = 10

export class Steady<Row> {
  #keys: readonly string[] = []
  #rows: Row[] = []
  #beat = 0
  readonly #seen = new Set<string>()
  readonly #of = new WeakMap<Element, string>()
  readonly #came: () => void
  #observer: IntersectionObserver | null = null

  /** `came`: something came into sight. */
  constructor(came: () => void) {
    this.#came = came
  }

  /** The rows of these keys, in order; `make` is told a key and its place. */
  rows(keys: readonly string[], make: (key: string, i: number) => Row): Row[] {
    this.#beat = (this.#beat + 1) % SLICES
    const before = this.#before(keys)
    this.#rows = keys.map((key, i) => {
      const row = before(key, i)
      return row === undefined || this.#seen.has(key) || i % SLICES === this.#beat ? make(key, i) : row
    })
    this.#keys = keys
    return this.#rows
  }

  /** Mostly the keys are those of last time. */
  #before(keys: readonly string[]): (key: string, i: number) => Row | undefined {
    const rows = this.#rows
    if (keys.length === rows.length && keys.every((key, i) => key === this.#keys[i])) return (_, i) => rows[i]
    const of = new Map(this.#keys.map((key, i) => [key, rows[i]] as const))
    return (key) => of.get(key)
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
