#include <stdio.h>

int main(void) {
    puts(GREETING " from nobody");
    return 0;
}
