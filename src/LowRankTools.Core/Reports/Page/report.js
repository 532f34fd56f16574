(() => {
  'use strict';
  const narrow = 560, shortName = 16;
  const ink = () => getComputedStyle(document.querySelector('figcaption')).color;

  // Names of one plot begin and end alike: what they share goes, and of what is still too long the middle.
  const shorten = names => {
    const parts = names.map(n => n.split(/(?<=[./])/));
    // A bar of "smaller ones together" is no path.
    const paths = parts.filter(p => p.length > 1);
    const shared = at => paths.length > 1 && paths.every(p => p.length > 1 && p.at(at) === paths[0].at(at));
    while (shared(0)) paths.forEach(p => p.shift());
    while (shared(-1)) paths.forEach(p => p.pop());
    return parts.map(p => {
      const name = p.join('').replace(/[./]$/, ''), head = shortName >> 1;
      return name.length <= shortName ? name : name.slice(0, head) + '\u2026' + name.slice(head + 1 - shortName);
    });
  };

  const fit = (layout, width) => {
    const axis = layout.yaxis;
    // The heading above the plot says what its title would.
    delete layout.title;
    layout.margin.t = 24;
    layout.font.color = ink();
    layout.modebar = { bgcolor: 'transparent', color: ink() };
    if (width < narrow) {
      layout.margin.r = 8;
      if (axis.ticktext) {
        axis.ticktext = shorten(axis.ticktext);
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
    // Where nothing hovers the buttons would always lie over the plot.
    config.displayModeBar = matchMedia('(hover: none)').matches ? false : 'hover';
    return Plotly.newPlot(live, data, fit(layout, live.clientWidth), config);
  };

  const figures = [...document.querySelectorAll('figure')];
  Promise.all(figures.map(draw)).then(() => { document.documentElement.dataset.drawn = figures.length; });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    figures.forEach(f => Plotly.relayout(f.querySelector('.live'), { 'font.color': ink() })));
})();
