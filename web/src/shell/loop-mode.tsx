/** What the loop may do now, and the one switch that stops all acting. Stopping needs one yes, and so does going on. */
import { Button, Modal } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { postJson } from '../api/client.ts'
import { useLive } from '../api/live.tsx'
import { MODE_WORDS } from '../format/words.ts'
import { Failure } from '../ui/feedback.tsx'
import { StateMark } from '../ui/state-mark.tsx'

export function LoopMode() {
  const { overview } = useLive()
  const [asking, setAsking] = useState(false)
  const client = useQueryClient()
  const mode = overview?.mode
  const paused = mode === 'paused'
  const change = useMutation({
    mutationFn: async () => await postJson(`api/assay/v1/${paused ? 'resume' : 'pause'}`, {}),
    onSuccess: async () => {
      setAsking(false)
      await client.invalidateQueries({ queryKey: ['overview'] })
    },
  })
  if (mode === undefined) return null
  return (
    <>
      <button
        type="button"
        className={`loop-mode${paused ? ' loop-paused' : ''}`}
        onClick={() => setAsking(true)}
        title={`The loop ${MODE_WORDS[mode].meaning}.`}
      >
        {paused ? <StateMark state="paused" size={12} /> : null}
        <span className="loop-label">Loop:</span> <strong>{MODE_WORDS[mode].word}</strong>
      </button>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={paused ? 'Let the loop act again?' : 'Pause the loop?'}
        centered
      >
        <div className="stack">
          {paused ? (
            <p>
              assay will act again, within the rails, on conditions that are true now and later. Each policy keeps its
              own mode.
            </p>
          ) : (
            <p>
              assay goes on watching, opening incidents and telling people, but it will scale, restart and change
              nothing until the loop is resumed. The pause survives a restart of assay.
            </p>
          )}
          {change.isError ? <Failure what={paused ? 'Resuming' : 'Pausing'} error={change.error} /> : null}
          <div className="dialog-buttons">
            <Button variant="default" onClick={() => setAsking(false)}>
              Leave it
            </Button>
            <Button loading={change.isPending} onClick={() => change.mutate()} data-autofocus>
              {paused ? 'Resume the loop' : 'Pause the loop'}
            </Button>
          </div>
        </div>
      </Modal>
    </>
  )
}
