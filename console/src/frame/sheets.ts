/** Rows of an answer as a sheet for `TakeAlong`: one line for each, what is a list or a record within a cell written out. */

export type Cell = string | number | null

const cell = (of: unknown): Cell => {
  if (of === null || of === undefined) return null
  if (typeof of === 'number' || typeof of === 'string') return of
  if (Array.isArray(of) && of.every((one) => typeof one !== 'object')) return of.join(' ')
  return typeof of === 'object' ? JSON.stringify(of) : String(of)
}

export const sheet = <T extends object>(rows: readonly T[], columns: readonly (keyof T & string)[]): Cell[][] => [
  [...columns],
  ...rows.map((row) => columns.map((name) => cell(row[name]))),
]
