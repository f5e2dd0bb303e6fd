# Names, prototypes and constants are what clients compile against.

use strict;
use warnings;
use Test::More;
use Fcntl ();
use POSIX ();

use IO::AIO;

is($IO::AIO::VERSION, 4.8, 'version');
is(eval { IO::AIO->VERSION(4.80); 1 }, 1, 'good enough for 4.80');
is(scalar @IO::AIO::EXPORT, 51, 'exported');
is(scalar @IO::AIO::AIO_REQ, 50, 'requests');
ok(main->can($_), "$_ is exported") for @IO::AIO::EXPORT;
ok(IO::AIO->can($_), "$_ can be exported") for @IO::AIO::EXPORT_OK;
ok(!main->can('aio_busy'), 'aio_busy is not');
ok(!main->can('O_RDONLY'), 'nor are constants');
isa_ok('IO::AIO::GRP', 'IO::AIO::REQ');

while (my $line = <DATA>) {
    my ($name, $prototype) = $line =~ /^(\S+) \((.*)\)$/ or die $line;
    is(prototype("IO::AIO::$name"), $prototype, "prototype of $name");
}
for my $name (@IO::AIO::AIO_REQ) {
    (my $required = prototype "IO::AIO::$name") =~ s/;//;
    like($required, qr/\$$/, "$name ends with its callback");
}

# Coro and others find functions by these.
ok(defined &IO::AIO::REQ::cb && defined &IO::AIO::REQ::cancel, 'methods of requests');
ok(IO::AIO::GRP->can($_), "method $_ of groups") for qw(add cancel_subs result errno limit feed);

open my $names, '<', 'constants.txt' or die "constants.txt: $!";
chomp(my @names = <$names>);
is(scalar @names, 330, 'constants');
for my $name (@names) {
    my $value = do { no strict 'refs'; &{"IO::AIO::$name"}() };
    my $known = eval { no strict 'refs'; &{"Fcntl::$name"}() } // eval { no strict 'refs'; &{"POSIX::$name"}() };
    defined $known ? is($value, $known, "$name is the system's") : like($value, qr/^-?\d+$/, "$name is a number");
}
is(IO::AIO::PAGESIZE, POSIX::sysconf(POSIX::_SC_PAGESIZE()), 'the size of a page');
isa_ok(IO::AIO::CWD, 'IO::AIO::WD');
isa_ok(IO::AIO::INVALID_WD, 'IO::AIO::WD');
is(IO::AIO::FADV_WILLNEED, 3, 'an advice');
is(IO::AIO::READDIR_STAT_ORDER, 4, 'a flag of this module');

done_testing;

__DATA__
_on_next_submit ($)
accept4 ($$$$)
aio_allocate ($$$$;$)
aio_busy ($;$)
aio_chmod ($$;$)
aio_chown ($$$;$)
aio_close ($;$)
aio_copy ($$;$)
aio_fcntl ($$$;$)
aio_fdatasync ($;$)
aio_fiemap ($$$$$;$)
aio_fsync ($;$)
aio_group (;$)
aio_ioctl ($$$;$)
aio_link ($$;$)
aio_load ($$;$)
aio_lstat ($;$)
aio_mkdir ($$;$)
aio_mknod ($$$;$)
aio_mlock ($;$$$)
aio_mlockall ($;$)
aio_move ($$;$)
aio_msync ($;$$$$)
aio_mtouch ($;$$$$)
aio_nop (;$)
aio_open ($$$;$)
aio_pathsync ($;$)
aio_read ($$$$$;$)
aio_readahead ($$$;$)
aio_readdir ($;$)
aio_readdirx ($$;$)
aio_readlink ($;$)
aio_realpath ($;$)
aio_rename ($$;$)
aio_rename2 ($$;$$)
aio_rmdir ($;$)
aio_rmtree ($;$)
aio_scandir ($$;$)
aio_seek ($$$;$)
aio_sendfile ($$$$;$)
aio_slurp ($$$$;$)
aio_stat ($;$)
aio_statvfs ($;$)
aio_symlink ($$;$)
aio_sync (;$)
aio_sync_file_range ($$$$;$)
aio_syncfs ($;$)
aio_truncate ($$;$)
aio_unlink ($;$)
aio_utime ($$$;$)
aio_wd ($;$)
aio_write ($$$$$;$)
aioreq_nice (;$)
aioreq_pri (;$)
eventfd (;$$)
fadvise ($$$$)
fexecve ($$;$)
flush ()
get_fdlimit ()
idle_timeout ($)
madvise ($$;$$)
major ($)
makedev ($$)
max_idle ($)
max_outstanding ($)
max_parallel ($)
max_poll_reqs ($)
max_poll_time ($)
memfd_create ($;$)
min_fdlimit (;$)
min_parallel ($)
minor ($)
mlockall ($;)
mmap ($$$$;$$)
mount ($$$;$$)
mprotect ($$;$$)
mremap ($$;$$)
munlock ($;$$)
munlockall ()
munmap ($)
npending ()
nready ()
nreqs ()
nthreads ()
pidfd_getfd ($$;$)
pidfd_open ($;$)
pidfd_send_signal ($$;$$)
pipe2 (;$)
pipesize ($;$)
poll ()
poll_cb ()
poll_fileno ()
poll_wait ()
reinit ()
sendfile ($$$$)
splice ($$$$$$)
st_atime ()
st_atimensec ()
st_btime ()
st_btimensec ()
st_btimesec ()
st_ctime ()
st_ctimensec ()
st_gen ()
st_mtime ()
st_mtimensec ()
st_xtime ()
st_xtimensec ()
statx ($$$)
stx_atime ()
stx_atimensec ()
stx_atimesec ()
stx_attributes ()
stx_attributes_mask ()
stx_blksize ()
stx_blocks ()
stx_btime ()
stx_btimensec ()
stx_btimesec ()
stx_ctime ()
stx_ctimensec ()
stx_ctimesec ()
stx_dev_major ()
stx_dev_minor ()
stx_gid ()
stx_ino ()
stx_mask ()
stx_mode ()
stx_mtime ()
stx_mtimensec ()
stx_mtimesec ()
stx_nlink ()
stx_rdev_major ()
stx_rdev_minor ()
stx_size ()
stx_uid ()
tee ($$$$)
timerfd_create ($;$)
timerfd_gettime ($)
timerfd_settime ($$$$)
umount ($;$)
