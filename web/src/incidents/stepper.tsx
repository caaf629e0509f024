/** Where an incident stands, as a line of steps: done, now, still to come. */
import { useNow } from '../api/live.tsx'
import type { IncidentWire } from '../api/wire.ts'
import { type StepState, stepsOf } from './steps.ts'

const STATE_WORDS: Record<StepState, string> = { done: 'done', now: 'now', failed: 'failed', todo: 'still to come' }

export function Stepper({ incident }: { readonly incident: IncidentWire }) {
  const steps = stepsOf(incident, useNow())
  return (
    <ol className="stepper">
      {steps.map((step) => (
        <li
          key={step.id}
          className={`step step-${step.state}`}
          aria-current={step.state === 'now' ? 'step' : undefined}
        >
          <span className="step-when num">{step.when}</span>
          <span className="step-title">
            {step.title}
            <span className="hidden"> ({STATE_WORDS[step.state]})</span>
          </span>
          {step.text === '' ? null : <span className="step-text">{step.text}</span>}
        </li>
      ))}
    </ol>
  )
}
