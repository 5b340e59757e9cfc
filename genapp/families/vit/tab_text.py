"""What the Patches tab says: the sizes everyone meets, and how it works."""

FACTS = """
| picture | p | tokens | numbers of a patch |
|---|---|---|---|
| 256 × 256 | 64 | 4 × 4 = 16 | 64 · 64 · 3 = 12,288 |
| 224 × 224 (ViT-B/16) | 16 | 14 × 14 = **196** | 16 · 16 · 3 = **768** |
| 384 × 384 (ViT-B/16) | 16 | 24 × 24 + [CLS] = **577** positions | 768 |
| 32 × 32 (this network) | 4 | 8 × 8 = 64 | 4 · 4 · 3 = 48 |
"""

HOW = r"""
**Cutting.** A picture of $H \times W$ pixels becomes $\frac{H}{p} \cdot \frac{W}{p}$ patches of
$3p^2$ numbers. One matrix turns each into a vector; that is a convolution of kernel $p$ and stride
$p$. A learned position is added, since attention itself knows no order, and a class token is put in
front: from it the class is read.

**Looking.** Token $q$ gives token $k$ the weight
$a_{qk} = \mathrm{softmax}_k(q \cdot k / \sqrt d)$ and takes over $\sum_k a_{qk} v_k$. The *sum of
pixels* uses the same weights on raw pixels to give an idea of a mixture. The network mixes the
values $v$, which nobody can look at.

**Same patch, two contexts.** A convolution's answer depends on its window alone: same patch, same
numbers. After one attention layer the rest of the photograph is in the vector.

**Head and tail.** A $k \times k$ convolution joins what lies $\frac{k-1}{2}$ apart; $n$ of them
join $n\,\frac{k-1}{2}$. Attention joins any two patches at once, for $N^2$ weights.

Dosovitskiy et al. 2020 · Vaswani et al. 2017.
"""
