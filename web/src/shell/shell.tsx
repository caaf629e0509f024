/** The frame of every page: sidebar, top bar, keyboard, spotlight, help; on a phone a bar at the bottom. */
import { useMantineColorScheme } from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { navigate } from '../routing/use-hash.ts'
import { Finder } from './finder.tsx'
import { HelpDialog } from './help-dialog.tsx'
import { NO_KEYS, press } from './keys.ts'
import { Sidebar } from './sidebar.tsx'
import { TopBar } from './top-bar.tsx'
import './shell.css'

export function Shell({ children }: { readonly children: ReactNode }) {
  const [help, setHelp] = useState(false)
  const scheme = useSchemeSwitch()
  const main = useRef<HTMLElement>(null)
  useKeyboard({ onHelp: () => setHelp(true), onScheme: scheme.next })
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <Sidebar onHelp={() => setHelp(true)} scheme={scheme.scheme} onScheme={scheme.next} />
      <div className="shell-body">
        <TopBar />
        <main ref={main} id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      <Finder />
      <HelpDialog opened={help} onClose={() => setHelp(false)} />
    </div>
  )
}

export type Scheme = 'auto' | 'light' | 'dark'
const NEXT: Record<Scheme, Scheme> = { auto: 'light', light: 'dark', dark: 'auto' }

function useSchemeSwitch(): { readonly scheme: Scheme; readonly next: () => void } {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return { scheme: colorScheme, next: () => setColorScheme(NEXT[colorScheme]) }
}

function useKeyboard({ onHelp, onScheme }: { readonly onHelp: () => void; readonly onScheme: () => void }): void {
  const state = useRef(NO_KEYS)
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const target = event.target
      const inField =
        target instanceof HTMLElement &&
        (target.isContentEditable ||
          ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) ||
          target.closest('[role=dialog]') !== null)
      const [next, command] = press(
        state.current,
        { key: event.key, chord: event.ctrlKey || event.metaKey || event.altKey, inField },
        event.timeStamp,
      )
      state.current = next
      if (command === undefined) return
      event.preventDefault()
      if (command.kind === 'go') navigate(command.path)
      else if (command.kind === 'help') onHelp()
      else if (command.kind === 'search') spotlight.open()
      else onScheme()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [onHelp, onScheme])
}
