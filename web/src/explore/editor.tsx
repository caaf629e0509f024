/**
 * Where one writes PromQL: highlighted, completed from what the server knows, and underlined where the engine remarked something.
 *
 * - Enter asks, Shift and Enter is a new line; with the list of completions open, Enter takes one.
 * - Tab moves on to the next control, as everywhere on the page.
 * - Underlines belong to the text that was asked; they go when it is edited.
 * - A chunk of its own: the page is there before it, with a plain text field in its place.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorState, Prec, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, keymap, placeholder } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import { useEffect, useRef } from 'react'
import type { EditorProps, Underline } from './question.tsx'

const setUnderlines = StateEffect.define<readonly Underline[]>()

const underlines = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, change) {
    for (const effect of change.effects) {
      if (effect.is(setUnderlines)) {
        const length = change.newDoc.length
        return Decoration.set(
          effect.value
            .filter(({ start, end }) => start < end && end <= length)
            .map(({ start, end, kind, text }) =>
              Decoration.mark({ class: `underline-${kind}`, attributes: { title: text } }).range(start, end),
            ),
          true,
        )
      }
    }
    return change.docChanged ? Decoration.none : shown
  },
  provide: (field) => EditorView.decorations.from(field),
})

/** Told apart by weight and slant first; hue is the third sign. */
const highlight = HighlightStyle.define([
  { tag: [tags.name, tags.variableName], color: 'var(--ink)' },
  { tag: tags.labelName, color: 'var(--line-2)' },
  { tag: tags.string, color: 'var(--line-3)' },
  { tag: tags.number, color: 'var(--line-5)' },
  { tag: [tags.function(tags.variableName), tags.keyword, tags.modifier], color: 'var(--ink)', fontWeight: '650' },
  { tag: [tags.operator, tags.arithmeticOperator, tags.compareOperator], color: 'var(--line-4)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
])

/** The page's address without its document: the API is beside it, whatever the route prefix is. */
function apiBase(): string {
  return new URL('.', document.baseURI).href.replace(/\/$/, '')
}

export default function Editor({ value, onChange, onAsk, underlined, handle, hint }: EditorProps) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(undefined)
  const latest = useRef({ value, onChange, onAsk })
  latest.current = { value, onChange, onAsk }
  useEffect(() => {
    const parent = box.current
    if (parent === null) return
    const promql = new PromQLExtension().activateLinter(false).setComplete({ remote: { url: apiBase() } })
    const opened = new EditorView({
      parent,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          closeBrackets(),
          bracketMatching(),
          autocompletion({ icons: false }),
          syntaxHighlighting(highlight),
          promql.asExtension(),
          underlines,
          EditorView.lineWrapping,
          placeholder(hint),
          EditorView.contentAttributes.of({ 'aria-label': 'PromQL', 'data-autofocus': '', spellcheck: 'false' }),
          Prec.highest(keymap.of(completionKeymap)),
          Prec.high(
            keymap.of([
              {
                key: 'Enter',
                run: () => {
                  latest.current.onAsk()
                  return true
                },
              },
            ]),
          ),
          keymap.of([...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = opened
    handle.current = {
      select({ start, end }) {
        const length = opened.state.doc.length
        if (end <= length) opened.dispatch({ selection: { anchor: start, head: end }, scrollIntoView: true })
        opened.focus()
      },
    }
    return () => {
      handle.current = undefined
      view.current = undefined
      opened.destroy()
      promql.destroy()
    }
  }, [handle, hint])
  useEffect(() => {
    const editor = view.current
    const now = editor?.state.doc.toString()
    if (editor === undefined || now === value) return
    editor.dispatch({ changes: { from: 0, to: now?.length ?? 0, insert: value } })
  }, [value])
  useEffect(() => {
    view.current?.dispatch({ effects: setUnderlines.of(underlined) })
  }, [underlined])
  return <div ref={box} className="question-text editor" />
}
