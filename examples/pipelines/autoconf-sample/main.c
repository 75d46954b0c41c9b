#include "sample.h"

#include <stdio.h>

int main(void) {
    puts("hello");
    return greeting();
}
