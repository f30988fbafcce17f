// Draws one dashboard with Grafana's own components, as its users see it.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { ThemeContext, createTheme } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { Guard, Panel } from './panels.jsx';
import { annotationsOf } from './annotations.jsx';
import { resolve } from './variables.js';

const ROW = 30, GAP = 8; // Grafana's grid
const theme = createTheme({ colors: { mode: 'dark' } });
const address = new URLSearchParams(location.search);

const Choice = ({ label, text }) => (
  <span style={{ display: 'inline-flex', marginRight: 8, fontSize: 12 }}>
    <b style={{ padding: '6px 8px', background: theme.colors.background.secondary }}>{label}</b>
    <span style={{ padding: '6px 12px', border: `1px solid ${theme.colors.border.medium}` }}>{text} ▾</span>
  </span>
);

function Heading({ dashboard, chosen }) {
  return (
    <div style={{ padding: '10px 8px 0' }}>
      <div style={{ fontSize: 16, marginBottom: 8 }}>
        Dashboards › logwatch › <b>{dashboard.title}</b>
      </div>
      {dashboard.templating.list.map((variable) => (
        <Choice key={variable.name} label={variable.label} text={chosen[variable.name]?.text ?? 'none'} />
      ))}
      <span style={{ float: 'right' }}>
        {dashboard.links.map((link) => (
          <span key={link.title} style={{ padding: '6px 10px', marginLeft: 8, fontSize: 12, border: `1px solid ${theme.colors.border.medium}` }}>
            ▦ {link.title}
          </span>
        ))}
      </span>
    </div>
  );
}

function Place({ panel, unit, children }) {
  const { x, y, w, h } = panel.gridPos;
  const style = { position: 'absolute', left: x * (unit + GAP), top: y * (ROW + GAP) };
  const [width, height] = [w * (unit + GAP) - GAP, h * (ROW + GAP) - GAP];
  return <div style={{ ...style, width, height }}>{children(width, height)}</div>;
}

async function main() {
  const dashboard = await (await fetch('/dashboard.json')).json();
  const chosen = await resolve(dashboard, Object.fromEntries(address));
  const told = await annotationsOf(dashboard, chosen, theme);
  document.body.style.margin = 0;
  const unit = (window.innerWidth - 16 + GAP) / 24 - GAP;
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Heading dashboard={dashboard} chosen={chosen} />
      <div style={{ position: 'relative', margin: 8 }}>
        {dashboard.panels.map((panel) => (
          <Place key={panel.id} panel={panel} unit={unit}>
            {(width, height) =>
              panel.type === 'row' ? (
                <div style={{ padding: '6px 4px', fontWeight: 500 }}>{panel.collapsed ? '›' : '⌄'} {panel.title} {panel.collapsed && <span style={{ opacity: 0.6 }}>({panel.panels.length} panels)</span>}</div>
              ) : (
                <Guard><Panel panel={panel} width={width} height={height} outerWidth={width} chosen={chosen} theme={theme} told={told} /></Guard>
              )
            }
          </Place>
        ))}
      </div>
    </ThemeContext.Provider>,
  );
}

main().catch((error) => {
  document.body.innerHTML = `<pre style="color:red">${error}</pre>`;
});
