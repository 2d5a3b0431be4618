#include "sim/dynamo_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"

#define DIGITS_MAX   38
#define EXPONENT_MAX 125

/* ---- decimals ---- */

static int digits_of(int128 mantissa)
{
    int digits = 0;
    for (int128 m = mantissa < 0 ? -mantissa : mantissa; m > 0; m /= 10)
        digits++;
    return digits;
}

static struct decimal trimmed(int128 mantissa, int exponent)
{
    while (mantissa != 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        exponent++;
    }
    return (struct decimal){mantissa, mantissa == 0 ? 0 : exponent};
}

int decimal_parse(const char *text, struct decimal *out)
{
    bool negative = *text == '-', any = false, point = false;
    int128 mantissa = 0;
    int digits = 0, exponent = 0;
    for (text += *text == '-' || *text == '+'; *text && !strchr("eE", *text); text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)*text))
            return -1;
        any = true;
        digits += digits > 0 || *text != '0';
        exponent -= point;
        if (digits > DIGITS_MAX) {
            if (*text != '0')
                return -1;
            exponent++;
            continue;
        }
        mantissa = mantissa * 10 + (*text - '0');
    }
    int64_t power = 0;
    if (*text && num_i64(text + 1 + (text[1] == '+'), strlen(text + 1 + (text[1] == '+')), &power))
        return -1;
    if (!any || power < -1000 || power > 1000)
        return -1;
    struct decimal d = trimmed(negative ? -mantissa : mantissa, exponent + (int)power);
    int top = digits_of(d.mantissa) + d.exponent;
    if (d.mantissa != 0 && (top > EXPONENT_MAX + 1 || top < -EXPONENT_MAX - 4))
        return -1;
    *out = d;
    return 0;
}

static int128 shifted(int128 mantissa, int places)
{
    for (; places > 0; places--)
        mantissa *= 10;
    return mantissa;
}

int decimal_order(struct decimal a, struct decimal b)
{
    int sign_a = (a.mantissa > 0) - (a.mantissa < 0);
    int sign_b = (b.mantissa > 0) - (b.mantissa < 0);
    if (sign_a != sign_b || sign_a == 0)
        return (sign_a > sign_b) - (sign_a < sign_b);
    int top_a = digits_of(a.mantissa) + a.exponent, top_b = digits_of(b.mantissa) + b.exponent;
    if (top_a != top_b)
        return top_a > top_b ? sign_a : -sign_a;
    /* The same leading place: the longer one has at most 38 digits, and so have both once aligned. */
    int128 x = shifted(a.mantissa, a.exponent - b.exponent), y = shifted(b.mantissa, b.exponent - a.exponent);
    return (x > y) - (x < y);
}

int decimal_add(struct decimal a, struct decimal b, struct decimal *out)
{
    if (a.mantissa == 0 || b.mantissa == 0) {
        *out = a.mantissa == 0 ? b : a;
        return 0;
    }
    int low = a.exponent < b.exponent ? a.exponent : b.exponent;
    if (digits_of(a.mantissa) + a.exponent - low >= DIGITS_MAX ||
        digits_of(b.mantissa) + b.exponent - low >= DIGITS_MAX)
        return -1;
    *out = trimmed(shifted(a.mantissa, a.exponent - low) + shifted(b.mantissa, b.exponent - low), low);
    return 0;
}

void decimal_text(struct decimal d, struct str *out)
{
    char digits[41];
    num_i128_text(d.mantissa < 0 ? -d.mantissa : d.mantissa, digits);
    int count = (int)strlen(digits);
    if (d.mantissa < 0)
        str_add_char(out, '-');
    if (d.exponent >= 0) {
        str_add(out, digits);
        for (int i = 0; i < d.exponent; i++)
            str_add_char(out, '0');
        return;
    }
    int whole = count + d.exponent; /* digits before the point */
    if (whole <= 0) {
        str_add(out, "0.");
        for (int i = whole; i < 0; i++)
            str_add_char(out, '0');
        str_add(out, digits);
        return;
    }
    str_add_n(out, digits, (size_t)whole);
    str_add_char(out, '.');
    str_add(out, digits + whole);
}

/* ---- values ---- */

static const char *const types[] = {"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", NULL};

const char *dynamo_type(const cJSON *value)
{
    if (!cJSON_IsObject(value) || !value->child || value->child->next)
        return NULL;
    for (size_t i = 0; types[i]; i++)
        if (strcmp(types[i], value->child->string) == 0)
            return types[i];
    return NULL;
}

static bool is_base64(const char *text)
{
    size_t len = strlen(text);
    size_t plain = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return len % 4 == 0 && len - plain <= 2 && strspn(text + plain, "=") == len - plain;
}

static const char *check_number(cJSON *text)
{
    struct decimal d;
    if (!cJSON_IsString(text) || decimal_parse(text->valuestring, &d))
        return "The parameter cannot be converted to a numeric value";
    struct str plain;
    str_init(&plain, 0);
    decimal_text(d, &plain);
    if (strcmp(plain.text, text->valuestring) != 0)
        (void)cJSON_SetValuestring(text, plain.text);
    str_release(&plain);
    return NULL;
}

static const char *check_scalar(char type, cJSON *inner)
{
    if (type == 'N')
        return check_number(inner);
    if (!cJSON_IsString(inner))
        return "A text is wanted";
    return type == 'B' && !is_base64(inner->valuestring) ? "Base64 is wanted" : NULL;
}

static const char *check_set(const char *type, cJSON *list)
{
    if (!cJSON_IsArray(list) || !list->child)
        return "One or more parameter values were invalid: An string set  may not be empty";
    for (cJSON *item = list->child; item; item = item->next) {
        const char *wrong = check_scalar(type[0], item);
        if (wrong)
            return wrong;
        for (const cJSON *before = list->child; before != item; before = before->next)
            if (strcmp(before->valuestring, item->valuestring) == 0)
                return "One or more parameter values were invalid: Input collection contains duplicates.";
    }
    return NULL;
}

const char *dynamo_check(cJSON *value, int depth)
{
    const char *type = dynamo_type(value);
    if (!type || depth > DYNAMO_DEPTH_MAX)
        return type ? "Nesting Levels have exceeded supported limits"
                    : "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
    cJSON *inner = value->child;
    if (type[1] == 'S')
        return check_set(type, inner);
    if (strcmp(type, "BOOL") == 0)
        return cJSON_IsBool(inner) ? NULL : "true or false is wanted";
    if (strcmp(type, "NULL") == 0)
        return cJSON_IsTrue(inner) ? NULL : "Null attribute value types must have the value of true";
    if (type[0] != 'L' && type[0] != 'M')
        return check_scalar(type[0], inner);
    if (type[0] == 'L' ? !cJSON_IsArray(inner) : !cJSON_IsObject(inner))
        return "A list or a map is wanted";
    const char *wrong = NULL;
    for (cJSON *item = inner->child; item && !wrong; item = item->next)
        wrong = dynamo_check(item, depth + 1);
    return wrong;
}

bool dynamo_order(const cJSON *a, const cJSON *b, int *order)
{
    const char *type = dynamo_type(a);
    if (!type || type != dynamo_type(b) || type[1] || !strchr("SNB", type[0]))
        return false;
    const char *x = a->child->valuestring, *y = b->child->valuestring;
    if (type[0] == 'N') {
        struct decimal m, n;
        if (decimal_parse(x, &m) || decimal_parse(y, &n))
            return false;
        *order = decimal_order(m, n);
        return true;
    }
    int by_bytes = strcmp(x, y); /* UTF-8 orders as its code points; base64 only for equality */
    *order = (by_bytes > 0) - (by_bytes < 0);
    return true;
}

static bool sets_equal(const cJSON *a, const cJSON *b)
{
    if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    for (const cJSON *x = a->child; x; x = x->next) {
        const cJSON *y = b->child;
        while (y && strcmp(x->valuestring, y->valuestring) != 0)
            y = y->next;
        if (!y)
            return false;
    }
    return true;
}

bool dynamo_equal(const cJSON *a, const cJSON *b)
{
    const char *type = dynamo_type(a);
    int order;
    if (!type || type != dynamo_type(b))
        return false;
    if (dynamo_order(a, b, &order))
        return order == 0;
    if (type[1] == 'S')
        return sets_equal(a->child, b->child);
    if (strcmp(type, "BOOL") == 0)
        return cJSON_IsTrue(a->child) == cJSON_IsTrue(b->child);
    if (strcmp(type, "NULL") == 0)
        return true;
    if (cJSON_GetArraySize(a->child) != cJSON_GetArraySize(b->child))
        return false;
    const cJSON *y = b->child->child;
    for (const cJSON *x = a->child->child; x; x = x->next, y = y ? y->next : NULL) {
        const cJSON *other = type[0] == 'L' ? y : cJSON_GetObjectItemCaseSensitive(b->child, x->string);
        if (!other || !dynamo_equal(x, other))
            return false;
    }
    return true;
}

size_t dynamo_size(const cJSON *value)
{
    const char *type = dynamo_type(value);
    if (!type)
        return 0;
    const cJSON *inner = value->child;
    if (strcmp(type, "BOOL") == 0 || strcmp(type, "NULL") == 0)
        return 1;
    if (type[1] == 'S' || type[0] == 'L' || type[0] == 'M') {
        size_t size = type[1] == 'S' ? 0 : 3;
        for (const cJSON *item = inner->child; item; item = item->next) {
            size += item->string ? strlen(item->string) : 0;
            size += type[1] == 'S' ? strlen(item->valuestring) : 1 + dynamo_size(item);
        }
        return size;
    }
    size_t len = strlen(inner->valuestring);
    return type[0] == 'S' ? len : type[0] == 'B' ? len / 4 * 3 : (len + 1) / 2 + 1;
}
