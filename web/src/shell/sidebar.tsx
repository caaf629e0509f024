/** Where one can go. Only pages that exist. On a phone it is a bar at the bottom. */
import { Menu } from '@mantine/core'
import { Link, useLocation } from 'wouter'
import { useLive } from '../api/live.tsx'
import { navigate } from '../routing/use-hash.ts'
import { PAGES, type PageEntry } from './pages.ts'
import type { Scheme } from './shell.tsx'

type SidebarProps = { readonly onHelp: () => void; readonly scheme: Scheme; readonly onScheme: () => void }

const SCHEME_WORDS: Record<Scheme, string> = { auto: 'as the system', light: 'light', dark: 'dark' }

export function Sidebar({ onHelp, scheme, onScheme }: SidebarProps) {
  const { incidents, overview } = useLive()
  const [path] = useLocation()
  const open = incidents?.filter((incident) => incident.state !== 'resolved').length ?? 0
  const more = PAGES.filter((page) => !page.phone)
  return (
    <nav className="sidebar" aria-label="Pages">
      <Link href="/" className="brand" aria-label="assay, overview">
        <svg width="26" height="18" viewBox="0 0 26 18" aria-hidden="true" focusable="false">
          <path d="M4 13 21 5" stroke="var(--gold)" strokeWidth="5.5" strokeLinecap="round" />
        </svg>
        <span>assay</span>
      </Link>
      <p className="brand-system">{overview?.name ?? ' '}</p>
      <ul className="nav">
        {PAGES.map((page) => (
          <li key={page.path} className={page.phone ? '' : 'not-on-phone'}>
            <NavLink page={page} current={isCurrent(page, path)} count={page.path === '/incidents' ? open : 0} />
          </li>
        ))}
        <li className="only-on-phone">
          <Menu position="top-end" withinPortal>
            <Menu.Target>
              <button
                type="button"
                className={`nav-link${more.some((page) => isCurrent(page, path)) ? ' nav-current' : ''}`}
              >
                <Icon d="M3 8h.01M8 8h.01M13 8h.01" weight={2.6} />
                <span>More</span>
              </button>
            </Menu.Target>
            <Menu.Dropdown>
              {more.map((page) => (
                <Menu.Item key={page.path} onClick={() => navigate(page.path)}>
                  {page.title}
                </Menu.Item>
              ))}
              <Menu.Divider />
              <Menu.Item onClick={onScheme}>Colours: {SCHEME_WORDS[scheme]}</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </li>
      </ul>
      <div className="sidebar-foot">
        <button type="button" className="foot-button" onClick={onScheme} title="Change the colours (d)">
          <Icon d={SCHEME_ICONS[scheme]} />
          <span>{scheme === 'auto' ? 'System colours' : scheme === 'light' ? 'Light' : 'Dark'}</span>
        </button>
        <button type="button" className="foot-button" onClick={onHelp}>
          <Icon d="M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M6.2 6.3a1.8 1.8 0 1 1 2.6 1.7c-.6.3-.8.6-.8 1.2M8 11.3v.1" />
          <span>Help</span>
          <kbd>?</kbd>
        </button>
      </div>
    </nav>
  )
}

const SCHEME_ICONS: Record<Scheme, string> = {
  auto: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  light:
    'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  dark: 'M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1',
}

function NavLink({
  page,
  current,
  count,
}: {
  readonly page: PageEntry
  readonly current: boolean
  readonly count: number
}) {
  return (
    <Link
      href={page.path}
      className={`nav-link${current ? ' nav-current' : ''}`}
      aria-current={current ? 'page' : undefined}
    >
      <Icon d={page.icon} />
      <span>{page.title}</span>
      {count > 0 ? (
        <span className="nav-count num">
          {count}
          <span className="hidden"> open</span>
        </span>
      ) : null}
    </Link>
  )
}

function isCurrent(page: PageEntry, path: string): boolean {
  return page.path === '/' ? path === '/' : path === page.path || path.startsWith(`${page.path}/`)
}

export function Icon({ d, weight = 1.4 }: { readonly d: string; readonly weight?: number }) {
  return (
    <svg
      className="icon"
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={weight}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={d} />
    </svg>
  )
}
