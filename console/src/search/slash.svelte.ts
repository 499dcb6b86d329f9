/** Whether the key / opens the search: this browser's own choice, kept here and nowhere else. */

const KEPT = 'cityward-search-key'

class Slash {
  on = $state(read())

  set(on: boolean): void {
    this.on = on
    try {
      localStorage.setItem(KEPT, on ? 'on' : 'off')
    } catch {
      // a browser that keeps nothing forgets it with the tab
    }
  }
}

function read(): boolean {
  try {
    return localStorage.getItem(KEPT) !== 'off'
  } catch {
    return true
  }
}

export const slash = new Slash()
