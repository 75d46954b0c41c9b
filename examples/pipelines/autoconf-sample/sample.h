int greeting(void);
