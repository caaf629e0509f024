/** What a window has beside its floats when there is nothing else. */
import { Annotations } from './annotations.ts'
import type { Window } from './window.ts'

export const FLOATS_ALONE: Pick<Window, 'starts' | 'histograms' | 'histogramsFrom' | 'histogramsTo' | 'notes'> = {
  starts: undefined,
  histograms: undefined,
  histogramsFrom: 0,
  histogramsTo: 0,
  notes: { annotations: new Annotations(''), span: { start: 0, end: 0 }, name: '' },
}
