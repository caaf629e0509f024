/** Mantine in our clothes: its components take the page's variables, so that light and dark stay in `tokens.css`. */
import { type CSSVariablesResolver, createTheme } from '@mantine/core'

/** What one presses is ink; gold is kept for what one should look at. */
const GRAPHITE = [
  '#f6f5f1',
  '#efeee8',
  '#dcdad2',
  '#b8b7b1',
  '#8e8f92',
  '#64666c',
  '#44464b',
  '#33353a',
  '#232428',
  '#1a1b1e',
] as const
const GOLD = [
  '#fdf6e0',
  '#f8e8b8',
  '#f2d98c',
  '#ecc95c',
  '#e7ba33',
  '#dca71a',
  '#b27d00',
  '#966900',
  '#7a5500',
  '#5c4000',
] as const

export const theme = createTheme({
  fontFamily: 'var(--font)',
  fontFamilyMonospace: 'var(--mono)',
  primaryColor: 'graphite',
  primaryShade: { light: 8, dark: 1 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  colors: { graphite: GRAPHITE, gold: GOLD },
  defaultRadius: 'md',
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
})

export const cssVariables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-body': 'var(--paper)',
    '--mantine-color-text': 'var(--ink)',
    '--mantine-color-dimmed': 'var(--muted)',
    '--mantine-color-default': 'var(--surface)',
    '--mantine-color-default-hover': 'var(--sunken)',
    '--mantine-color-default-color': 'var(--ink)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-color-placeholder': 'var(--muted)',
    '--mantine-color-anchor': 'var(--link)',
    '--mantine-color-error': 'var(--red)',
  }
  return { variables: {}, light: shared, dark: shared }
}
