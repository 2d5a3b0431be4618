/*
 * lanes_body.h - the part of lanes.c that is compiled twice, for AVX2 and with the masks of AVX-512: one commit after
 * the other in all lanes, and the blocks around it. Included by lanes.c alone, which defines LANES_NAME(x),
 * LANES_TARGET, LANES_INLINE and LANES_MASKS (0 or 1) before.
 */
#if LANES_MASKS
#define LANES_MASK __mmask8
#else
#define LANES_MASK vec
#endif

LANES_INLINE LANES_MASK LANES_NAME(greater)(vec a, vec b)
{
#if LANES_MASKS
    return _mm256_cmpgt_epi64_mask(a, b);
#else
    return _mm256_cmpgt_epi64(a, b);
#endif
}

LANES_INLINE vec LANES_NAME(pick)(LANES_MASK mask, vec yes, vec no)
{
#if LANES_MASKS
    return _mm256_mask_blend_epi64(mask, no, yes);
#else
    return _mm256_blendv_epi8(no, yes, mask);
#endif
}

LANES_INLINE vec LANES_NAME(latest)(vec a, vec b)
{
#if LANES_MASKS
    return _mm256_max_epi64(a, b);
#else
    return LANES_NAME(pick)(LANES_NAME(greater)(a, b), a, b);
#endif
}

LANES_INLINE vec LANES_NAME(ones)(LANES_MASK mask)
{
#if LANES_MASKS
    return _mm256_movm_epi64(mask);
#else
    return mask;
#endif
}

LANES_INLINE vec LANES_NAME(where)(LANES_MASK mask, vec a)
{
#if LANES_MASKS
    return _mm256_maskz_mov_epi64(mask, a);
#else
    return _mm256_and_si256(mask, a);
#endif
}

LANES_INLINE vec LANES_NAME(unless)(LANES_MASK mask, vec a)
{
#if LANES_MASKS
    return _mm256_maskz_mov_epi64((__mmask8)~mask, a);
#else
    return _mm256_andnot_si256(mask, a);
#endif
}

/* One commit whose instances end with each bake: the pipeline is free took_s after a start. */
LANES_INLINE void LANES_NAME(step_terminate)(struct vector *v, const struct shape *s, vec ready)
{
    LANES_MASK opens = LANES_NAME(greater)(ready, v->start_s);
    vec start = LANES_NAME(latest)(add(v->start_s, s->took_s), add(v->window_s, ready));
    v->start_s = LANES_NAME(pick)(opens, start, v->start_s);
}

/* Where they are kept for a while after it, or until the paid hour ends. How long follows from when the pipeline is
 * free, and from what is paid: fewer things to carry from commit to commit. */
LANES_INLINE void LANES_NAME(step_kept)(struct vector *v, const struct shape *s, vec ready)
{
    LANES_MASK opens = LANES_NAME(greater)(ready, v->start_s);
    vec start = LANES_NAME(latest)(v->free_at, add(v->window_s, ready));
    vec reusable_until; /* by starts before it */
    if (s->kind == LANES_HOUR)
        reusable_until = add(v->paid_until, s->paid_to_start_s);
    else
        reusable_until = add(v->free_at, v->free_to_start_s);
    LANES_MASK reuse = LANES_NAME(greater)(reusable_until, start);
    vec free_at = add(add(start, s->fixed_s), LANES_NAME(unless)(reuse, s->boot_s));
    if (s->kind == LANES_HOUR) {
        vec paid = LANES_NAME(pick)(reuse, v->paid_until, add(start, s->first_paid_s));
#pragma GCC unroll 4
        for (int i = 0; i < s->hours; i++)
            paid = add(paid, LANES_NAME(where)(LANES_NAME(greater)(add(free_at, s->free_to_busy_s), paid), s->hour_s));
        v->paid_until = LANES_NAME(pick)(opens, paid, v->paid_until);
    }
    v->start_s = LANES_NAME(pick)(opens, start, v->start_s);
    v->free_at = LANES_NAME(pick)(opens, free_at, v->free_at);
    v->reused = LANES_NAME(pick)(opens, LANES_NAME(ones)(reuse), v->reused);
}

/* rows[i * VECTORS + v]: the waiting of commit i in each lane, twice, and one more where its deployment launched. */
LANES_INLINE void LANES_NAME(pass)(struct vector *vectors, int first, int count, const struct shape *shape,
                                   const struct commits *c, size_t from, size_t n, vec *rows)
{
    struct shape s = *shape;
    struct vector v[VECTORS];
    vec base = _mm256_set1_epi64x(c->arrival_s[0]);
    vec one = _mm256_set1_epi64x(1);
#pragma GCC unroll 4 /* so that v stays in registers */
    for (int i = 0; i < count; i++)
        v[i] = vectors[first + i];
    for (size_t k = 0; k < n; k++) {
        vec ready = _mm256_sub_epi64(_mm256_set1_epi64x(c->ready_s[from + k]), base);
        vec arrival = _mm256_sub_epi64(_mm256_set1_epi64x(c->arrival_s[from + k]), base);
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) {
            if (s.kind == LANES_TERMINATE)
                LANES_NAME(step_terminate)(&v[i], &s, ready);
            else
                LANES_NAME(step_kept)(&v[i], &s, ready);
            vec wait = _mm256_sub_epi64(v[i].start_s, arrival);
            rows[k * VECTORS + (size_t)(first + i)] = add(add(add(wait, wait), one), v[i].reused);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < count; i++)
        vectors[first + i] = v[i];
}

/* As many vectors at a time as keep the units busy and stay in registers. */
LANES_INLINE void LANES_NAME(pass_all)(struct vector *v, int count, const struct shape *s, const struct commits *c,
                                       size_t from, size_t n, vec *rows)
{
    int i = 0;
    if ((s->kind == LANES_TERMINATE || LANES_MASKS) && count == VECTORS) {
        LANES_NAME(pass)(v, 0, 4, s, c, from, n, rows);
        return;
    }
    for (; i + 2 <= count; i += 2)
        LANES_NAME(pass)(v, i, 2, s, c, from, n, rows);
    if (i < count)
        LANES_NAME(pass)(v, i, 1, s, c, from, n, rows);
}

/* Commits of one month: their leads, and the starts that differ from the one before, packed without gaps. */
#if LANES_MASKS
LANES_INLINE size_t LANES_NAME(settle_vectors)(struct column *to, const int64_t *packed, const int64_t *arrival_s,
                                               size_t n, int64_t *lead_s, bool kept)
{
    const __m512i one = _mm512_set1_epi64(1);
    const __m512i fixed_s = _mm512_set1_epi64(to->fixed_s + (kept ? 0 : to->boot_s));
    const __m512i boot_s = _mm512_set1_epi64(to->boot_s);
    __m512i wait_sum = _mm512_setzero_si512();
    __m512i before = _mm512_set1_epi64(to->last);
    int64_t *starts = to->out->start + to->deployments;
    const int64_t *begin = starts;
    int64_t launched = 0;
    size_t k = 0;
    for (; k + PACKED <= n; k += PACKED) {
        __m512i p = _mm512_loadu_si512(packed + k);
        __m512i arrival = _mm512_loadu_si512(arrival_s + k);
        __m512i start = _mm512_add_epi64(_mm512_add_epi64(arrival, arrival), p);
        __m512i wait = _mm512_srli_epi64(p, 1);
        /* Each start's forerunner: the last of the vector before, then its own first seven. */
        __mmask8 fresh = _mm512_cmpneq_epi64_mask(start, _mm512_alignr_epi64(start, before, 7));
        _mm512_storeu_si512(starts, _mm512_maskz_compress_epi64(fresh, start));
        starts += __builtin_popcount(fresh);
        before = start;
        wait_sum = _mm512_add_epi64(wait_sum, wait);
        __m512i lead = _mm512_add_epi64(wait, fixed_s);
        if (kept) {
            __mmask8 launches = _mm512_test_epi64_mask(p, one);
            launched += __builtin_popcount(launches);
            lead = _mm512_mask_add_epi64(lead, launches, lead, boot_s);
        }
        _mm512_storeu_si512(lead_s + k, lead);
    }
    to->deployments += (size_t)(starts - begin);
    to->month.deployments += starts - begin;
    to->month.waiting_s += _mm512_reduce_add_epi64(wait_sum);
    to->launched_commits += kept ? launched : (int64_t)k;
    return k;
}
#else
LANES_INLINE size_t LANES_NAME(settle_vectors)(struct column *to, const int64_t *packed, const int64_t *arrival_s,
                                               size_t n, int64_t *lead_s, bool kept)
{
    (void)kept;
    const vec one = _mm256_set1_epi64x(1);
    const vec fixed_s = _mm256_set1_epi64x(to->fixed_s);
    const vec boot_s = _mm256_set1_epi64x(to->boot_s);
    vec wait_sum = _mm256_setzero_si256();
    vec launched_sum = _mm256_setzero_si256();
    vec before = _mm256_set1_epi64x(to->last);
    int64_t *starts = to->out->start + to->deployments;
    int64_t *begin = starts;
    size_t k = 0;
    for (; k + WIDTH <= n; k += WIDTH) {
        vec p = _mm256_loadu_si256((const vec *)(packed + k));
        vec arrival = _mm256_loadu_si256((const vec *)(arrival_s + k));
        vec start = add(add(arrival, arrival), p);
        vec wait = _mm256_srli_epi64(p, 1);
        vec launched = _mm256_and_si256(p, one);
        /* Each start's forerunner: the last of the vector before, then its own first three. */
        vec shifted = _mm256_permute4x64_epi64(_mm256_blend_epi32(start, before, 0xC0), 0x93);
        int same = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(start, shifted)));
        int fresh = same ^ 15;
        vec order = _mm256_load_si256((const vec *)gather_halves[fresh]);
        _mm256_storeu_si256((vec *)starts, _mm256_permutevar8x32_epi32(start, order));
        starts += __builtin_popcount((unsigned)fresh);
        before = start;
        wait_sum = add(wait_sum, wait);
        launched_sum = add(launched_sum, launched);
        vec boot = _mm256_and_si256(_mm256_sub_epi64(_mm256_setzero_si256(), launched), boot_s);
        _mm256_storeu_si256((vec *)(lead_s + k), add(add(wait, fixed_s), boot));
    }
    int64_t sums[2 * WIDTH] __attribute__((aligned(32)));
    _mm256_store_si256((vec *)sums, wait_sum);
    _mm256_store_si256((vec *)(sums + WIDTH), launched_sum);
    to->deployments += (size_t)(starts - begin);
    to->month.deployments += starts - begin;
    to->month.waiting_s += (int128)sums[0] + sums[1] + sums[2] + sums[3];
    to->launched_commits += sums[4] + sums[5] + sums[6] + sums[7];
    return k;
}
#endif

LANES_INLINE void LANES_NAME(settle_month)(struct column *to, const int64_t *packed, const int64_t *arrival_s, size_t n,
                                           int64_t *lead_s, bool kept)
{
    size_t k = LANES_NAME(settle_vectors)(to, packed, arrival_s, n, lead_s, kept);
    to->last = k ? arrival_s[k - 1] * 2 + packed[k - 1] : to->last;
    to->month.commits += (int64_t)n;
    for (; k < n; k++)
        settle_one(to, packed[k], arrival_s[k], lead_s + k);
}

LANES_INLINE void LANES_NAME(settle)(struct column *to, const int64_t *packed, const int64_t *arrival_s, size_t n,
                                     int64_t *lead_s, bool kept)
{
    for (size_t from = 0;;) {
        size_t part = month_part(to, packed + from, arrival_s + from, n - from);
        LANES_NAME(settle_month)(to, packed + from, arrival_s + from, part, lead_s + from, kept);
        from += part;
        if (from == n)
            return;
        open_month(to, arrival_s[from] + (packed[from] >> 1));
    }
}

LANES_INLINE void LANES_NAME(run_blocks)(struct vector *v, const struct shape *shape, enum lanes_kind kind, int hours,
                                         const struct commits *c, struct column *columns, size_t count)
{
    struct shape s = *shape;
    s.kind = kind;
    s.hours = hours;
    vec rows[BLOCK * VECTORS];
    int64_t turned[WIDTH][BLOCK] __attribute__((aligned(32)));
    int vectors = (int)((count + WIDTH - 1) / WIDTH);
    for (size_t from = 0; from < c->count; from += BLOCK) {
        size_t n = c->count - from < BLOCK ? c->count - from : BLOCK;
        LANES_NAME(pass_all)(v, vectors, &s, c, from, n, rows);
        for (size_t k = n; k % WIDTH; k++)
            for (int i = 0; i < vectors; i++)
                rows[k * VECTORS + (size_t)i] = _mm256_setzero_si256();
        for (int i = 0; i < vectors; i++) {
            turn(rows + i, n, turned);
            for (size_t l = 0; l < WIDTH && (size_t)i * WIDTH + l < count; l++) {
                struct column *to = &columns[(size_t)i * WIDTH + l];
                size_t before = to->deployments;
                LANES_NAME(settle)
                (to, turned[l], c->arrival_s + from, n, to->out->lead_s + from, kind != LANES_TERMINATE);
                fetch_ahead(to, before, from + n, c->count);
            }
        }
    }
}

LANES_TARGET static void LANES_NAME(run_terminate)(struct vector *v, const struct shape *s, const struct commits *c,
                                                   struct column *columns, size_t count)
{
    LANES_NAME(run_blocks)(v, s, LANES_TERMINATE, 0, c, columns, count);
}

LANES_TARGET static void LANES_NAME(run_tail)(struct vector *v, const struct shape *s, const struct commits *c,
                                              struct column *columns, size_t count)
{
    LANES_NAME(run_blocks)(v, s, LANES_TAIL, 0, c, columns, count);
}

LANES_TARGET static void LANES_NAME(run_hour)(struct vector *v, const struct shape *s, const struct commits *c,
                                              struct column *columns, size_t count)
{
    LANES_NAME(run_blocks)(v, s, LANES_HOUR, 1, c, columns, count);
}

LANES_TARGET static void LANES_NAME(run_hours)(struct vector *v, const struct shape *s, const struct commits *c,
                                               struct column *columns, size_t count)
{
    LANES_NAME(run_blocks)(v, s, LANES_HOUR, HOURS_MAX, c, columns, count);
}

#undef LANES_MASK
#undef LANES_MASKS
#undef LANES_NAME
#undef LANES_TARGET
#undef LANES_INLINE
