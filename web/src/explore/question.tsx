/** The question: its text, its unit, and the button that asks. */
import { Button, Select } from '@mantine/core'
import { type FormEvent, lazy, type RefObject, Suspense, useCallback, useEffect, useMemo, useState } from 'react'
import type { Unit } from '../api/wire.ts'
import { type Note, type NoteKind, spanAt } from './notes.ts'

const Editor = lazy(() => import('./editor.tsx'))

export const UNITS: readonly { readonly value: Unit; readonly label: string }[] = [
  { value: 'count', label: 'plain number' },
  { value: 'seconds', label: 'seconds' },
  { value: 'ratio', label: 'ratio, as %' },
  { value: 'per_second', label: 'per second' },
  { value: 'bytes', label: 'bytes' },
]

/** A stretch of the text, in UTF-16 units, and what is said of it. */
export type Underline = { readonly start: number; readonly end: number; readonly kind: NoteKind; readonly text: string }

export type EditorHandle = { select(span: { readonly start: number; readonly end: number }): void }

export type EditorProps = {
  readonly value: string
  readonly hint: string
  readonly onChange: (text: string) => void
  readonly onAsk: () => void
  readonly underlined: readonly Underline[]
  readonly handle: RefObject<EditorHandle | undefined>
}

type QuestionProps = {
  readonly expr: string
  readonly unit: Unit
  /** What the engine said of `expr`. */
  readonly notes: readonly Note[]
  readonly handle: RefObject<EditorHandle | undefined>
  readonly onAsk: (expr: string) => void
  readonly onUnit: (unit: Unit) => void
}

const HINT = 'rate(http_server_request_duration_seconds_count[1m])'

export function Question({ expr, unit, notes, handle, onAsk, onUnit }: QuestionProps) {
  const [text, setText] = useState(expr)
  useEffect(() => setText(expr), [expr])
  const submit = useCallback(() => {
    if (text.trim() !== '') onAsk(text.trim())
  }, [text, onAsk])
  // Edited text is no longer what the notes are about.
  const current = text === expr
  const underlined = useMemo(() => (current ? underlinesOf(expr, notes) : []), [current, expr, notes])
  const editor = { value: text, hint: HINT, onChange: setText, onAsk: submit, underlined, handle }
  return (
    <form
      className="question"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        submit()
      }}
    >
      <Suspense fallback={<PlainEditor {...editor} />}>
        <Editor {...editor} />
      </Suspense>
      <Select
        aria-label="Unit"
        className="question-unit"
        data={UNITS}
        value={unit}
        allowDeselect={false}
        onChange={(value) => onUnit(UNITS.find((candidate) => candidate.value === value)?.value ?? 'count')}
      />
      <Button type="submit" disabled={text.trim() === ''}>
        Ask
      </Button>
    </form>
  )
}

/** Until the editor is there, in its size. */
function PlainEditor({ value, hint, onChange, onAsk }: EditorProps) {
  return (
    <textarea
      className="question-text editor editor-plain"
      aria-label="PromQL"
      rows={Math.max(1, value.split('\n').length)}
      value={value}
      placeholder={hint}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && !event.shiftKey) {
          event.preventDefault()
          onAsk()
        }
      }}
    />
  )
}

function underlinesOf(expr: string, notes: readonly Note[]): readonly Underline[] {
  return notes.flatMap(({ kind, text, place }) => {
    const span = place === undefined ? undefined : spanAt(expr, place)
    return span === undefined ? [] : [{ ...span, kind, text }]
  })
}
