/** The keys, and what each state means: the words are the same everywhere. */
import { Modal } from '@mantine/core'
import { PART_STATE_LIST, STATE_MEANINGS, StateWord } from '../ui/state-mark.tsx'
import { PAGES } from './pages.ts'
import './help-dialog.css'

export function HelpDialog({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys and words" size="lg" centered>
      <div className="help">
        <section>
          <h3 className="eyebrow">Keys</h3>
          <dl className="help-keys">
            <Keys keys={['Ctrl', 'K']} what="find a part, an incident, a page" />
            {PAGES.map((page) => (
              <Keys key={page.path} keys={['g', page.key]} what={page.title} />
            ))}
            <Keys keys={['d']} what="light, dark, as the system" />
            <Keys keys={['Esc']} what="close what is open" />
          </dl>
        </section>
        <section>
          <h3 className="eyebrow">States</h3>
          <dl className="help-states">
            {PART_STATE_LIST.map((state) => (
              <div key={state}>
                <dt>
                  <StateWord state={state} />
                </dt>
                <dd>{STATE_MEANINGS[state]}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Modal>
  )
}

function Keys({ keys, what }: { readonly keys: readonly string[]; readonly what: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{what}</dd>
    </div>
  )
}
