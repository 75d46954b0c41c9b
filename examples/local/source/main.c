#include <stdio.h>

int main(void) {
    puts("hello from a local pipeline");
    return 0;
}
