#include <stdio.h>

int main(void) {
    puts(GREETING " from CMake");
    return 0;
}
