// Spearman's rank correlation of two lists; ties share their mean rank. Needs no page.
function rankCorrelation(a, b) {
  const ranks = (list) => {
    const order = [...list.keys()].sort((i, j) => list[i] - list[j]);
    const out = new Float64Array(list.length);
    for (let i = 0; i < order.length; ) {
      let j = i;
      while (j + 1 < order.length && list[order[j + 1]] === list[order[i]]) j++;
      for (let k = i; k <= j; k++) out[order[k]] = (i + j) / 2;
      i = j + 1;
    }
    return out;
  };
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (x.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - middle) * (y[i] - middle);
    xx += (x[i] - middle) ** 2;
    yy += (y[i] - middle) ** 2;
  }
  return xx && yy ? xy / Math.sqrt(xx * yy) : 0;
}
