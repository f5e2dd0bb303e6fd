package IO::AIO;

use strict;
use warnings;

use base 'Exporter';

our $VERSION = 4.80;

our @AIO_REQ = qw(
    aio_sendfile aio_seek aio_read aio_write aio_open aio_close aio_stat aio_lstat aio_unlink aio_rmdir
    aio_readdir aio_readdirx aio_scandir aio_symlink aio_readlink aio_realpath aio_fcntl aio_ioctl aio_sync
    aio_fsync aio_syncfs aio_fdatasync aio_sync_file_range aio_pathsync aio_readahead aio_fiemap aio_allocate
    aio_rename aio_rename2 aio_link aio_move aio_copy aio_group aio_nop aio_mknod aio_load aio_rmtree aio_mkdir
    aio_chown aio_chmod aio_utime aio_truncate aio_msync aio_mtouch aio_mlock aio_mlockall aio_statvfs aio_slurp
    aio_wd
);
our @EXPORT = (@AIO_REQ, qw(aioreq_pri aioreq_nice));
push @AIO_REQ, 'aio_busy';
our @EXPORT_OK = qw(
    poll_fileno poll_cb poll_wait flush min_parallel max_parallel max_idle idle_timeout nreqs nready npending
    nthreads max_poll_time max_poll_reqs sendfile fadvise madvise mmap munmap mremap mprotect munlock munlockall
    accept4 tee splice pipe2 pipesize fexecve mount umount memfd_create eventfd timerfd_create timerfd_settime
    timerfd_gettime pidfd_open pidfd_send_signal pidfd_getfd
);

@IO::AIO::GRP::ISA = 'IO::AIO::REQ';

{
    local $!;    # a program that dies exits with it
    require XSLoader;
    XSLoader::load('IO::AIO', $VERSION);
}

# What is still to be done when the program ends is done.
END {
    my $status = $?;
    _resume();
    flush();
    $? = $status;    # callbacks may have run other programs
}

1;

__END__

=encoding UTF-8

=head1 NAME

IO::AIO - asynchronous file I/O for any event loop, over ioaio

=head1 SYNOPSIS

    use IO::AIO;
    use Fcntl;

    aio_open "/etc/passwd", O_RDONLY, 0, sub {
        my $fh = shift or die "/etc/passwd: $!";
        aio_read $fh, 0, 1024, my $buffer, 0, sub {
            $_[0] >= 0 or die "read: $!";
            print $buffer;
        };
    };
    aio_unlink "/tmp/file", sub { };

    IO::AIO::flush;                     # wait for all of it

    # or leave the waiting to an event loop:
    my $watcher = EV::io IO::AIO::poll_fileno, EV::READ, \&IO::AIO::poll_cb;
    my $watcher = AE::io IO::AIO::poll_fileno, 0, \&IO::AIO::poll_cb;
    Event->io(fd => IO::AIO::poll_fileno, poll => 'r', cb => \&IO::AIO::poll_cb);
    Glib::IO->add_watch(IO::AIO::poll_fileno, in => sub { IO::AIO::poll_cb; 1 });
    open my $fd, '<&=', IO::AIO::poll_fileno; $tk->fileevent($fd, readable => \&IO::AIO::poll_cb);

=head1 DESCRIPTION

Each C<aio_> function is a request. It is submitted at once, and executed while the program goes on: where the kernel
has the answer without waiting, at once; by io_uring; or by a thread. When it is done, the next poll calls its
callback.

The module takes the place of the IO::AIO 4.80 that other modules are written for: the same functions, prototypes,
objects and constants. L</DIFFERENCES> lists what is not the same.

=head2 What all requests have in common

=over 4

=item Callback

The last argument, which may be left out: a code reference, an object that can be called like one, or the name of a
function. It is called exactly once, in void context, from a poll. Most callbacks get what the system call returned:
-1 after an error, with the error in C<$!>, which is 0 after a success. A callback may submit requests, poll, and die.

=item Result

In void context nothing; else an object of L</IO::AIO::REQ>. Requests that are several system calls (load, copy, move,
scandir, rmtree, pathsync) and C<aio_group> give an L</IO::AIO::GRP>.

=item File handles

A glob, a reference to one, an object of IO::File, or the number of a descriptor. It is held until the request is
done. One that is closed, or open for the wrong direction, croaks. Where a path may be given as well, a closed one
gives EBADF, and a directory handle is the directory.

=item Paths

A string of bytes, which is copied; a directory object of C<aio_wd>; or a reference to an array of a directory object
and a path, which starts there. A relative path starts at what is the process's directory I<when it is executed>. The
functions that take a C<$fh_or_path> take numbers for paths.

=item Data

Scalars of bytes: wide characters croak. A scalar is read-only as long as a request has it. What is to be written can
also be a number, or an object or other reference, which stand for their text: that is copied.

=item Priority

C<aioreq_pri> and C<aioreq_nice> are for the next request only: -4 (last) to 4 (first).

=back

=head1 REQUESTS ON FILES

=over 4

=item aio_open $path, $flags, $mode, $callback->($fh)

open(2). The callback gets a file handle, or C<undef>. The mode must be there, 0 where nothing is made.

=item aio_close $fh, $callback->($status)

Closes the file, not the descriptor, which perl closes together with the handle: until then it is the end of a pipe
that gives nothing.

=item aio_read $fh, $offset, $length, $data, $dataoffset, $callback->($bytes)

=item aio_write $fh, $offset, $length, $data, $dataoffset, $callback->($bytes)

pread(2) and pwrite(2), or with an undefined or negative offset read(2) and write(2) at the file's position. The
scalar is grown as needed, and ends after what was read. An undefined length is 0 for a read, and all that there is for
a write. A negative C<$dataoffset> counts from the end of the scalar.

=item aio_seek $fh, $offset, $whence, $callback->($offset)

lseek(2), also with SEEK_DATA and SEEK_HOLE.

=item aio_sendfile $out_fh, $in_fh, $in_offset, $length, $callback->($bytes)

sendfile(2), or reading and writing where that is not possible. The position of C<$in_fh> stays.

=item aio_readahead $fh, $offset, $length, $callback->($status)

Starts reading a range into the page cache.

=item aio_fsync $fh, $callback->($status)

=item aio_fdatasync $fh, $callback->($status)

=item aio_syncfs $fh, $callback->($status)

=item aio_sync $callback->($status)

=item aio_sync_file_range $fh, $offset, $bytes, $flags, $callback->($status)

=item aio_allocate $fh, $mode, $offset, $length, $callback->($status)

fallocate(2), with FALLOC_FL_ flags.

=item aio_fcntl $fh, $command, $arg, $callback->($status)

=item aio_ioctl $fh, $request, $arg, $callback->($status)

A number is passed as it is. Any other scalar is memory for the kernel, of at least 256 bytes.

=item aio_fiemap $fh, $start, $length, $flags, $count, $callback->([[$logical, $physical, $length, $flags], ...])

Where a file is on its device; an undefined length is up to the end, an undefined count all. With a count of 0 the
callback gets their number. After an error it gets nothing.

=back

=head1 REQUESTS ON WHAT IS KNOWN OF FILES

=over 4

=item aio_stat $fh_or_path, $callback->($status)

=item aio_lstat $fh_or_path, $callback->($status)

As perl's functions: in the callback, and until the next one, C<stat _>, C<-s _> and the like tell of that file.

=item aio_statvfs $fh_or_path, $callback->($statvfs)

A hash with bsize, frsize, blocks, bfree, bavail, files, ffree, favail, fsid, flag and namemax, or C<undef>.

=item aio_utime $fh_or_path, $atime, $mtime, $callback->($status)

With fractions. Both undefined: now; one undefined: 0.

=item aio_chown $fh_or_path, $uid, $gid, $callback->($status)

C<undef> and -1 leave it as it is.

=item aio_chmod $fh_or_path, $mode, $callback->($status)

=item aio_truncate $fh_or_path, $offset, $callback->($status)

=back

=head1 REQUESTS ON NAMES AND DIRECTORIES

=over 4

=item aio_unlink $path, $callback->($status)

=item aio_rmdir $path, $callback->($status)

=item aio_mkdir $path, $mode, $callback->($status)

=item aio_mknod $path, $mode, $dev, $callback->($status)

=item aio_link $from, $to, $callback->($status)

=item aio_symlink $text, $path, $callback->($status)

=item aio_rename $from, $to, $callback->($status)

=item aio_rename2 $from, $to, $flags, $callback->($status)

renameat2(2), with RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT.

=item aio_readlink $path, $callback->($text)

=item aio_realpath $path, $callback->($path)

After an error the callback gets nothing.

=item aio_readdir $path, $callback->($names)

The names without C<.> and C<..>, or C<undef>.

=item aio_readdirx $path, $flags, $callback->($entries, $flags)

READDIR_DENTS: for each a reference to name, kind (DT_...) and inode number. READDIR_DIRS_FIRST: directories before
the rest. READDIR_STAT_ORDER: by inode number. READDIR_FOUND_UNKNOWN in what the callback gets: the directory does not
tell all kinds.

=item aio_wd $path, $callback->($wd)

An open directory, for paths to start at; C<undef> after an error. IO::AIO::CWD is the process's own,
IO::AIO::INVALID_WD none.

=back

=head1 REQUESTS ON MEMORY

=over 4

=item aio_msync $scalar, $offset = 0, $length = undef, $flags = MS_SYNC, $callback->($status)

=item aio_mtouch $scalar, $offset = 0, $length = undef, $flags = 0, $callback->($status)

Brings the pages in, with MT_MODIFY also for writing.

=item aio_mlock $scalar, $offset = 0, $length = undef, $callback->($status)

=item aio_mlockall $flags, $callback->($status)

=back

For scalars of L</IO::AIO::mmap>. A negative offset counts from the end; an undefined length is up to the end.

=head1 REQUESTS ON WHOLE FILES AND TREES

=over 4

=item aio_load $path, $data, $callback->($bytes)

All of a file, also of one that does not tell its size, as those in F</proc>.

=item aio_slurp $path, $offset, $length, $data, $callback->($bytes)

A part of a file, from the end if the offset is negative; a length of 0 is up to the end.

=item aio_copy $from, $to, $callback->($status)

Contents, times, mode, and owner where that is allowed. A new copy appears when it is complete. What is there already is
written into and keeps the rest: a file with all of its hard links, what a symbolic link leads to, a FIFO that somebody
reads, a device; after an error it has a part of the contents.

=item aio_move $from, $to, $callback->($status)

Renames, or copies and removes where the file systems differ.

=item aio_scandir $path, $maxreq, $callback->($dirs, $others)

The directories in a directory, and the rest, to which links belong; after an error nothing. C<$maxreq> is not needed
any more.

=item aio_rmtree $path, $callback->($status)

Removes a directory and all that is in it. No link is followed, also none that appears meanwhile.

=item aio_pathsync $path, $callback->($status)

fsync(2) of what the path names, also of a directory.

=item aio_nop $callback->()

Does nothing.

=item IO::AIO::aio_busy $seconds, $callback->()

Keeps a thread busy.

=back

=head1 OBJECTS

=head2 IO::AIO::REQ

A hash for the caller's use. It need not be kept: what is in it goes when the request is done, or later with the last
reference to it.

=over 4

=item $req->cancel

The callback is not called; a request that has not begun is not executed. It still counts until the next poll.

=item $req->cb($callback)

Sets another callback, or none (C<undef>), and gives the one that was set.

=back

=head2 IO::AIO::GRP

A request that ends when all its members have.

=over 4

=item aio_group $callback->(@result)

=item $grp->add(@requests)

Gives them back. A request may be a member of several groups, and a group of another. Not after its callback has begun.

=item $grp->result(@values)

What the callback will get; C<$!> is kept with them.

=item $grp->errno($errno = $!)

The C<$!> of its callback.

=item $grp->cancel

=item $grp->cancel_subs

The group and its members; or its members only, after which it ends as usual.

=item $grp->feed($callback->($grp))

Called at once, and when members have ended, as long as there are fewer than the limit, until a call adds none.

=item $grp->limit($number)

2 unless set; 0 pauses the feeder.

=back

=head1 POLLING, LIMITS, COUNTERS

=over 4

=item IO::AIO::poll_fileno

A descriptor that is readable while C<poll_cb> has something to do. It keeps its number.

=item IO::AIO::poll_cb

Calls what is done: 0 when there is nothing left, -1 when a limit came first. A callback's exception is thrown again
after it has ended; the others stay for the next poll.

=item IO::AIO::poll_wait

Waits for a result, without calling anybody.

=item IO::AIO::poll

Both.

=item IO::AIO::flush

Until no request is left. Also at the end of the program, whose status (C<$?>) stays what it is, unless a callback
calls exit or dies.

=item IO::AIO::max_poll_reqs $number

=item IO::AIO::max_poll_time $seconds

How much one poll does; 0 is no limit.

=item IO::AIO::max_outstanding $number

A poll waits until there are fewer requests than this; 0 is no limit.

=item IO::AIO::min_parallel $number

=item IO::AIO::max_parallel $number

How many threads there are at least, and at most, up to 1024; the latter waits until no more are running. With a
C<max_parallel> of 0, requests are taken and not executed, until it is more again or the program ends.

=item IO::AIO::max_idle $number

=item IO::AIO::idle_timeout $seconds

=item IO::AIO::nreqs

=item IO::AIO::nready

=item IO::AIO::npending

=item IO::AIO::nthreads

Requests that are not done; that wait to be executed; whose callbacks wait; threads.

=item IO::AIO::reinit

Forgets all requests: for a child after a fork, and done there by itself with the first one.

=back

=head1 HELPERS

These are plain system calls, which wait. Those that make a handle give C<undef> after an error, C<pipe2> and the
functions of timers an empty list, the others -1, with C<$!>; C<fadvise> and C<madvise> give the error itself.

=over 4

=item IO::AIO::sendfile $ofh, $ifh, $offset, $count

=item IO::AIO::fadvise $fh, $offset, $length, $advice

=item IO::AIO::mmap $scalar, $length, $prot, $flags, $fh, $offset = 0
X<IO::AIO::mmap>

Maps memory or a file as the contents of a scalar, which must only be changed in place (C<substr> with four
arguments). Unmapped with the scalar. True or false.

=item IO::AIO::munmap $scalar

=item IO::AIO::mremap $scalar, $new_length, $flags = MREMAP_MAYMOVE, $new_address = 0

1 if it has moved, C<0 but true> if not, else false.

=item IO::AIO::madvise $scalar, $offset, $length, $advice

=item IO::AIO::mprotect $scalar, $offset, $length, $protection

=item IO::AIO::munlock $scalar, $offset = 0, $length = undef

=item IO::AIO::mlockall $flags

=item IO::AIO::munlockall

=item IO::AIO::splice $rfh, $r_offset, $wfh, $w_offset, $length, $flags

=item IO::AIO::tee $rfh, $wfh, $length, $flags

=item IO::AIO::accept4 $fh, $sockaddr, $sockaddr_length, $flags

=item IO::AIO::pipe2 $flags = 0

=item IO::AIO::pipesize $fh, $new_size

=item IO::AIO::eventfd $initial = 0, $flags = 0

=item IO::AIO::memfd_create $name, $flags = 0

=item IO::AIO::timerfd_create $clock, $flags = 0

=item IO::AIO::timerfd_settime $fh, $flags, $interval, $value

=item IO::AIO::timerfd_gettime $fh

=item IO::AIO::pidfd_open $pid, $flags = 0

=item IO::AIO::pidfd_send_signal $pidfh, $signal, $siginfo = undef, $flags = 0

=item IO::AIO::pidfd_getfd $pidfh, $fd, $flags = 0

=item IO::AIO::fexecve $fh, $args, $env

=item IO::AIO::mount $special, $path, $type, $flags = 0, $data = undef

=item IO::AIO::umount $path, $flags = 0

=item IO::AIO::get_fdlimit

=item IO::AIO::min_fdlimit $limit

=item IO::AIO::major $dev

=item IO::AIO::minor $dev

=item IO::AIO::makedev $major, $minor

=item IO::AIO::st_atime, st_mtime, st_ctime, st_btime

=item IO::AIO::st_atimensec, st_mtimensec, st_ctimensec, st_btimensec, st_btimesec, st_gen

=item IO::AIO::st_xtime, st_xtimensec

Times of the last stat, perl's own or C<aio_stat>, with fractions, or their nanoseconds; the last two give all four.
What stat(2) does not tell is 0.

=item IO::AIO::statx $fh_or_path, $flags, $mask

statx(2); C<IO::AIO::stx_mask>, C<stx_size>, C<stx_btime>, C<stx_btimensec> and so on then tell what it found.

=back

Constants are in this package and not exported: those of open(2), stat(2), mmap(2), fallocate(2), mount(2) and others,
333 in all. One that the system does not know is 0.

=head1 DIFFERENCES

From 4.80, where that was wrong; F<t/09-defects.t>, or for the last ones F<t/11-arguments.t> and
F<t/08-processes.t>, have a test for each.

=over 4

=item 1. C<$!> is 0 after a success.

=item 2. A C<$@> that was set before does not make a poll die.

=item 3. An open or a C<aio_wd> without callback, or cancelled, leaks no descriptor.

=item 4. Nor does a cancelled C<aio_readdir>.

=item 5. An undefined directory in the second path is ENOENT.

=item 6. C<aio_symlink> makes the link in the directory of its path.

=item 7. C<aio_utime> takes a single C<undef> for 0, as it says.

=item 8. C<aio_read> into a constant croaks.

=item 9. C<aio_copy> that fails leaves nothing new, and says why.

=item 10. The text of an exception survives the end of a group.

=item 11. C<aio_slurp> and C<aio_load> read F</proc>; a start beyond the end gives 0 bytes.

=item 12. C<aio_rmtree> takes a directory object with a path.

=item 13. A negative length croaks.

=item 14. A request can be a member of several groups.

=item 15. C<aio_wd> and C<aio_statvfs> need no permission to read.

=item 16. A path with a NUL is ENOENT.

=item 17. The buffers of C<aio_fcntl> and C<aio_ioctl> always have their 256 bytes.

=item 18. The times of st_xtime and timerfd leak no memory.

=item 19. C<mmap> asks for a handle that can be written only where it is written to.

=item 20. C<poll> gives 0 or -1, C<max_parallel> waits, as the manual says.

=item 21. C<aio_write> of an object, a reference or a number writes its text, not memory that was freed.

=item 22. Flags that open(2) and msync(2) do not know are EINVAL, so that later ones can be told.

=item 23. A callback that runs another program at the end does not change the status of a program that has died.

=back

And by design:

=over 4

=item *

Results come by priority, those of one priority in no promised order: what needs no waiting is done first.

=item *

Each interpreter has its own engine, requests and limits. In a new thread, request objects look as if they had ended.

=item *

C<aio_copy> leaves owner, mode and times of a file alone that exists, where 4.80 gave it those of the original;
C<aio_slurp> copies into the scalar, which stays an ordinary one.

=item *

A child of fork starts anew by itself; requests of the parent are the parent's.

=back

=head1 ENVIRONMENT

IOAIO_ROUTES names the routes that may be used, of C<inline>, C<ring> and C<pool>, with commas between them, or
C<none>: without C<ring> for valgrind, for example. A program with raised rights does not look at it.

=head1 SEE ALSO

L<AnyEvent::AIO>, L<Coro::AIO>, L<AnyEvent::IO>.

=head1 LICENSE

MIT OR Apache-2.0, as ioaio.

=cut
