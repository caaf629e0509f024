/** What the engine says of the question: each remark with its kind as a word and its place as a way into the text. */
import { type Note, spanAt } from './notes.ts'
import type { EditorHandle } from './question.tsx'

const WORDS = { error: 'error', warning: 'warning', info: 'note' } as const
const MARKS = { error: '▲', warning: '△', info: '○' } as const

export function NoteList({
  expr,
  notes,
  handle,
}: {
  readonly expr: string
  readonly notes: readonly Note[]
  readonly handle: { readonly current: EditorHandle | undefined }
}) {
  if (notes.length === 0) return null
  return (
    <ul className="notes" aria-label="What the engine says" aria-live="polite">
      {notes.map(({ kind, text, place }) => {
        const span = place === undefined ? undefined : spanAt(expr, place)
        return (
          <li key={`${kind} ${place?.line} ${place?.column} ${text}`} className={`note note-${kind}`}>
            <span className="note-kind">
              <span aria-hidden="true">{MARKS[kind]}</span> {WORDS[kind]}
            </span>
            {span === undefined || place === undefined ? (
              <span />
            ) : (
              <button
                type="button"
                className="note-place num"
                title="Show it in the question"
                onClick={() => handle.current?.select(span)}
              >
                {place.line}:{place.column}
              </button>
            )}
            <span className="note-text">
              {span === undefined ? null : <code>{excerpt(expr.slice(span.start, span.end))}</code>} {text}
            </span>
          </li>
        )
      })}
    </ul>
  )
}

function excerpt(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39).toWellFormed()}…`
}
