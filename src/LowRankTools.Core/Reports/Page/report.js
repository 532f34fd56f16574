(() => {
  'use strict';
  const narrow = 560, shortName = 16;
  const ink = () => getComputedStyle(document.querySelector('figcaption')).color;

  const fit = (layout, width) => {
    const axis = layout.yaxis;
    // The heading above the plot says what its title would.
    delete layout.title;
    layout.margin.t = 24;
    layout.font.color = ink();
    if (width < narrow) {
      layout.margin.r = 8;
      if (axis.ticktext) {
        axis.ticktext = axis.ticktext.map(t => (t.length > shortName ? '\u2026' + t.slice(1 - shortName) : t));
        axis.title.text = '';
      }
    }
    return layout;
  };

  const draw = figure => {
    const live = figure.querySelector('.live');
    const { data, layout, config } = JSON.parse(figure.querySelector('script').textContent);
    live.hidden = false;
    figure.classList.add('drawn');
    return Plotly.newPlot(live, data, fit(layout, live.clientWidth), config);
  };

  const figures = [...document.querySelectorAll('figure')];
  Promise.all(figures.map(draw)).then(() => { document.documentElement.dataset.drawn = figures.length; });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    figures.forEach(f => Plotly.relayout(f.querySelector('.live'), { 'font.color': ink() })));
})();
